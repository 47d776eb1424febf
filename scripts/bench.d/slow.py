"""Row slow: thousands of downloads on slow lines, what they hold, and how a good client fares beside them."""

import concurrent.futures
import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import downloads
import load
import nginx
import processes
from contest import Contestant, expect, told_apart
from downloads import MB
from hot import SMALL_OCTETS
from report import Line
from service import PREFIX, Service
from slow_clients import STALLED_SECONDS
from store import Store

LARGE = downloads.File(10 * MB)
CLIENTS, HELD_SECONDS, GOOD_SECONDS = 5000, 60, 20
CLIENTS_IN_SHORT, HELD_SECONDS_IN_SHORT, GOOD_SECONDS_IN_SHORT = 300, 8, 2
# They are elsewhere in truth: on this machine they step back for the servers and the good client.
SLOW_CLIENTS = ["nice", "-n", "10", sys.executable, str(Path(__file__).with_name("slow_clients.py"))]
PAGE_OCTETS = 4096
HEAP_GOALS_KB = {"disk": 35, "store": 55}
GOOD_GOAL = 2
# Else the kernel keeps megabytes for each client, and 300 of them bring everybody's TCP to a halt for seconds.
NGINX_LISTEN = "sndbuf=128k"
# The kernel's memory for all TCP is bounded (net.ipv4.tcp_mem): the store's end takes little of it.
STORE_LISTEN = "sndbuf=64k"


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
        seen = self.hold()
        self.heap = max(0, self.heap - before) / self.clients / 1000
        self.kernel = max(0, self.kernel - kernel_before) / self.clients / 1000
        self.stalled = seen["stalled"]
        ended, refused = seen["ended"], seen["refused"]
        if ended or refused:
            ended = f"{len(ended)} ended {ended[:1]}, {len(refused)} were refused {refused[:1]}"
            raise SystemExit(f"scripts/bench: of the slow downloads {ended}")
        print(f"   longest wait of a slow one: {seen['longest_wait_seconds']:.2f} s", flush=True)
        return self

    def hold(self):
        """What the slow clients saw, with a good one beside them."""
        command = [*SLOW_CLIENTS, str(self.port), self.path, str(self.clients)]
        with (
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow,
            concurrent.futures.ThreadPoolExecutor() as threads,
        ):
            try:
                slow.stdout.readline()
                beside, until = threads.submit(self.one_good), time.monotonic() + self.held_seconds
                while time.monotonic() < until or not beside.done():
                    time.sleep(0.5)
                    self.heap, self.kernel = max(self.heap, self.watched()), max(self.kernel, kernel_octets())
                self.busy_ms = beside.result()
                seen, _ = slow.communicate()
            finally:
                slow.kill()
        return json.loads(seen)


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
    yield Line("slow", what, "ms", [ours.busy_ms], [theirs.busy_ms], against, goal)
    yield Line("slow", f"the same beside {clients}", "ms", [ours.busy_ms], [ours.quiet_ms], itself)
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
