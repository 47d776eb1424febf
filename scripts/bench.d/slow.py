"""Memory of many slow downloads."""

import asyncio
import socket
import time

from report import Row
from service import Service, keep_many_files_open

FILE_OCTETS = 10_000_000
READ_OCTETS = 10_000  # a second
RECEIVE_BUFFER_OCTETS = 64 * 1024
SETTLE_SECONDS = 15
LIMIT_KIB = 256


class Reader:
    """One client on a slow line."""

    def __init__(self, address, path):
        self.address, self.path, self.octets = address, path, 0
        self.head = b""

    async def run(self):
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setblocking(False)
            # Else the kernel takes the whole file at once, and the server has nothing left to do.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
            await loop.sock_connect(connection, self.address)
            await loop.sock_sendall(connection, f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            while True:
                read = await loop.sock_recv(connection, READ_OCTETS)
                if not read:
                    raise ConnectionError("the server ended a slow download")
                self.head = self.head or read
                self.octets += len(read)
                await asyncio.sleep(1)


def kernel_octets():
    """What the kernel holds for TCP, machine-wide (/proc/net/sockstat, in pages of 4 KiB)."""
    with open("/proc/net/sockstat") as lines:
        fields = next(line.split() for line in lines if line.startswith("TCP:"))
    return int(fields[fields.index("mem") + 1]) * 4096


async def read_slowly(service, path, count, settle):
    """Starts the readers, waits, and returns the server's highest resident memory and the kernel's share meanwhile."""
    readers = [Reader(("127.0.0.1", service.port["public"]), path) for _ in range(count)]
    tasks = []
    for reader in readers:
        tasks.append(asyncio.create_task(reader.run()))
        await asyncio.sleep(0.002)
    highest, until = 0, time.monotonic() + settle
    while time.monotonic() < until:
        await asyncio.sleep(0.5)
        highest = max(highest, service.resident_octets())
    kernel = kernel_octets()
    ended = [task.exception() for task in tasks if task.done()]
    refused = [reader.head[:40] for reader in readers if not reader.head.startswith(b"HTTP/1.1 200 ")]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if ended or refused:
        raise SystemExit(f"scripts/bench: {len(ended)} slow downloads ended {ended[:1]}, {len(refused)} were refused {refused[:1]}")
    return highest, kernel


def measure(chosen):
    """Resident memory with a thousand slow downloads, less that before them."""
    count, settle = (100, 4) if chosen.quick else (1000, SETTLE_SECONDS)
    keep_many_files_open()
    with Service(chosen.binary, chosen.folder / "data") as service:
        service.set_up()
        service.upload("slow", "a1", b"\x5a" * FILE_OCTETS, FILE_OCTETS)
        path = service.link("slow", "a1")
        # What the first downloads allocate once and for all is not theirs.
        for _ in range(5):
            service.ask("public", "GET", path)
        time.sleep(1)
        before, kernel_before = service.resident_octets(), kernel_octets()
        highest, kernel = asyncio.run(read_slowly(service, path, count, settle))
    each = (highest - before) / count / 1024
    yield Row(f"memory of one of {count:,} slow downloads", "KiB", [each], f"{before / 2**20:.0f} MiB before, {highest / 2**20:.0f} MiB with them", ("<", LIMIT_KIB))
    yield Row("the kernel's buffers for it, both ends", "KiB", [(kernel - kernel_before) / count / 1024], "not the service's memory")
