"""Clients on slow lines, in a process of their own: python3 slow_clients.py PORT PATH CLIENTS

Prints a line when all of them have the head of their answer, or have been waiting for it for too long; and what they saw, as
JSON, when its standard input ends.
"""

import asyncio
import json
import socket
import sys
import time

import processes

READ_OCTETS = 10_000  # a second
RECEIVE_BUFFER_OCTETS = 32 * 1024
# As on a line: over Ethernet. Loopback's own, of 64 KiB, do not fit into so small a receive buffer: the kernel then only
# sends when its probe timer has it, seconds apart.
SEGMENT_OCTETS = 1460
STALLED_SECONDS = 2
PAUSE_BETWEEN_CLIENTS_SECONDS = 0.0005
PATIENCE_SECONDS = 60


class Reader:
    """One of them."""

    def __init__(self, port, path):
        self.address, self.path, self.head = ("127.0.0.1", port), path, b""
        self.longest_wait, self.waiting_since = 0, None
        self.answered = asyncio.Event()

    def waited(self):
        """The longest wait, in seconds; one that has not ended counts, too."""
        return max(self.longest_wait, time.monotonic() - self.waiting_since if self.waiting_since else 0)

    async def receive(self, loop, connection):
        self.waiting_since = self.waiting_since or time.monotonic()
        got = await loop.sock_recv(connection, READ_OCTETS)
        self.longest_wait, self.waiting_since = self.waited(), None
        if not got:
            raise ConnectionError("the server ended a slow download")
        return got

    async def run(self):
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setblocking(False)
            # Else the kernel takes the whole file at once, and the server has nothing left to do.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_OCTETS)
            self.waiting_since = time.monotonic()
            await loop.sock_connect(connection, self.address)
            await loop.sock_sendall(connection, f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            while b"\r\n\r\n" not in self.head:
                self.head += await self.receive(loop, connection)
            self.answered.set()
            while True:
                await asyncio.sleep(1)
                await self.receive(loop, connection)


async def main(port, path, clients):
    readers, tasks = [Reader(port, path) for _ in range(clients)], []
    for reader in readers:
        tasks.append(asyncio.create_task(reader.run()))
        await asyncio.sleep(PAUSE_BETWEEN_CLIENTS_SECONDS)
    heads = [asyncio.create_task(reader.answered.wait()) for reader in readers]
    await asyncio.wait(heads, timeout=PATIENCE_SECONDS)
    print("answered", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    ended = [repr(task.exception()) for task in tasks if task.done()]
    refused = [repr(reader.head[:40]) for reader in readers if not reader.head.startswith(b"HTTP/1.1 200 ")]
    waits = [reader.waited() for reader in readers]
    for task in tasks + heads:
        task.cancel()
    await asyncio.gather(*tasks, *heads, return_exceptions=True)
    stalled = sum(wait > STALLED_SECONDS for wait in waits)
    print(json.dumps({"ended": ended, "refused": refused, "stalled": stalled, "longest_wait_seconds": max(waits)}))


if __name__ == "__main__":
    processes.keep_many_files_open()
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
