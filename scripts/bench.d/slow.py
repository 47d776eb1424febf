"""Row slow: thousands of downloads on slow lines, what they hold, and how a good client fares beside them."""

import asyncio
import contextlib
import socket
import time

import downloads
import load
import nginx
import processes
from contest import Contestant, expect, told_apart
from downloads import MB
from hot import SMALL_OCTETS
from report import Line
from service import PREFIX, Service
from store import Store

LARGE = downloads.File(10 * MB)
READ_OCTETS = 10_000  # a second
RECEIVE_BUFFER_OCTETS = 32 * 1024
# As on a line: over Ethernet. Loopback's own, of 64 KiB, do not fit into so small a receive buffer: the kernel then only
# sends when its probe timer has it, seconds apart.
SEGMENT_OCTETS = 1460
CLIENTS, HELD_SECONDS, GOOD_SECONDS = 5000, 60, 20
CLIENTS_IN_SHORT, HELD_SECONDS_IN_SHORT, GOOD_SECONDS_IN_SHORT = 300, 8, 2
STALLED_SECONDS = 2
PAUSE_BETWEEN_CLIENTS_SECONDS = 0.002
PAGE_OCTETS = 4096
HEAP_GOALS_KB = {"disk": 35, "store": 55}
GOOD_GOAL = 2
# Else the kernel keeps megabytes for each client, and 300 of them bring everybody's TCP to a halt for seconds.
NGINX_LISTEN = "sndbuf=128k"
# The kernel's memory for all TCP is bounded (net.ipv4.tcp_mem): the store's end takes little of it.
STORE_LISTEN = "sndbuf=64k"


class Reader:
    """One client on a slow line."""

    def __init__(self, port, path):
        self.address, self.path, self.head, self.longest_wait = ("127.0.0.1", port), path, b"", 0

    async def run(self):
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setblocking(False)
            # Else the kernel takes the whole file at once, and the server has nothing left to do.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_OCTETS)
            await loop.sock_connect(connection, self.address)
            await loop.sock_sendall(connection, f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self.head = await loop.sock_recv(connection, READ_OCTETS)
            while True:
                await asyncio.sleep(1)
                asked = time.monotonic()
                if not await loop.sock_recv(connection, READ_OCTETS):
                    raise ConnectionError("the server ended a slow download")
                self.longest_wait = max(self.longest_wait, time.monotonic() - asked)


def kernel_octets():
    """What the kernel holds for TCP, machine-wide, both ends (/proc/net/sockstat)."""
    with open("/proc/net/sockstat") as lines:
        fields = next(line.split() for line in lines if line.startswith("TCP:"))
    return int(fields[fields.index("mem") + 1]) * PAGE_OCTETS


class Held:
    """What was seen while the clients were there."""

    def __init__(self, chosen, good, port, path):
        short = chosen.quick
        self.good, self.port, self.path = good, port, path
        self.clients = CLIENTS_IN_SHORT if short else CLIENTS
        self.held_seconds = HELD_SECONDS_IN_SHORT if short else HELD_SECONDS
        self.good_seconds = GOOD_SECONDS_IN_SHORT if short else GOOD_SECONDS
        self.heap = self.kernel = 0

    def watched(self):
        return processes.memory_octets(self.good.bills["server"][0], "RssAnon")

    def one_good(self):
        return load.small_downloads(self.good, 1, self.good_seconds)["p99_us"] / 1000

    def run(self):
        self.quiet_ms = self.one_good()
        before, kernel_before = self.watched(), kernel_octets()
        asyncio.run(self.hold())
        self.heap = max(0, self.heap - before) / self.clients / 1000
        self.kernel = max(0, self.kernel - kernel_before) / self.clients / 1000
        return self

    async def hold(self):
        readers, tasks = [Reader(self.port, self.path) for _ in range(self.clients)], []
        for reader in readers:
            tasks.append(asyncio.create_task(reader.run()))
            await asyncio.sleep(PAUSE_BETWEEN_CLIENTS_SECONDS)
        until = time.monotonic() + self.held_seconds
        beside = asyncio.create_task(asyncio.to_thread(self.one_good))
        while time.monotonic() < until or not beside.done():
            await asyncio.sleep(0.5)
            self.heap, self.kernel = max(self.heap, self.watched()), max(self.kernel, kernel_octets())
        self.busy_ms = beside.result()
        ended = [task.exception() for task in tasks if task.done()]
        refused = [reader.head[:40] for reader in readers if not reader.head.startswith(b"HTTP/1.1 200 ")]
        self.stalled = sum(reader.longest_wait > STALLED_SECONDS for reader in readers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if ended or refused:
            ended = f"{len(ended)} ended {ended[:1]}, {len(refused)} were refused {refused[:1]}"
            raise SystemExit(f"scripts/bench: of the slow downloads {ended}")


def good(name, port, path, pid, chosen):
    """The client beside them, which takes small files as fast as it gets them."""
    files = {path: told_apart(0, SMALL_OCTETS)}
    return Contestant(name, port, [path], expect(files), {"server": [pid]}, chosen.folder)


def compare(kind, ours, theirs):
    against, itself, clients = f"nginx, {kind}", "itself without them", f"{ours.clients:,} slow from the {kind}"
    goal = ("≤", HEAP_GOALS_KB[kind])
    yield Line("slow", f"heap of one of {clients}", "kB", [ours.heap], [theirs.heap], against, goal, "alone")
    yield Line("slow", f"the kernel's for one, both ends, {clients}", "kB", [ours.kernel], [theirs.kernel], against)
    stalled, goal = [ours.stalled], ("≤", 0)
    what = f"that got nothing for {STALLED_SECONDS} s, {clients}"
    yield Line("slow", what, "", stalled, [theirs.stalled], against, goal, "alone")
    what, goal = f"p99 of a good client beside {clients}", ("≤", GOOD_GOAL)
    yield Line("slow", what, "ms", [ours.busy_ms], [ours.quiet_ms], itself, goal)
    yield Line("slow", f"the same at nginx, {clients}", "ms", [theirs.busy_ms], [theirs.quiet_ms], itself)


def hold(chosen, kind, stack, service, http):
    """The same at attachlink and at nginx."""
    service = stack.enter_context(service)
    service.set_up()
    small = good("attachlink", service.port["public"], service.registered("small"), service.pid, chosen)
    ours = Held(chosen, small, service.port["public"], service.registered("large")).run()
    (port,) = processes.free_ports(1)
    server = stack.enter_context(nginx.Nginx(chosen.folder / f"nginx-{kind}", port, http(port)))
    small = good("nginx", port, nginx.signed(f"/files/{PREFIX}/small"), server.pid, chosen)
    theirs = Held(chosen, small, port, nginx.signed(f"/files/{PREFIX}/large")).run()
    yield from compare(kind, ours, theirs)


def put(folder):
    """The files in a directory of objects."""
    (folder / PREFIX).mkdir(parents=True)
    (folder / PREFIX / "small").write_bytes(told_apart(0, SMALL_OCTETS))
    with open(folder / PREFIX / "large", "wb") as out:
        out.writelines(LARGE.chunks())


def measure(chosen):
    """From the disk, then from the fast store."""
    with contextlib.ExitStack() as stack:
        data, site = chosen.folder / "data", chosen.folder / "site"
        put(data / "objects")
        site.mkdir()
        (site / "files").symlink_to(data / "objects")
        service = Service(chosen.binary, data)
        yield from hold(chosen, "disk", stack, service, lambda port: nginx.sendfile_site(port, site, NGINX_LISTEN))
    with contextlib.ExitStack() as stack:
        store = Store(chosen.folder / "store", STORE_LISTEN)
        put(store.objects)
        stack.enter_context(store)
        service = Service(chosen.binary, chosen.folder / "data-store", **store.settings())
        yield from hold(chosen, "store", stack, service, lambda port: nginx.proxy_site(port, store.port, listen=NGINX_LISTEN))
