"""Row slow: thousands of downloads on slow lines, what they hold, and how a good client fares beside them."""

import concurrent.futures
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
from small import NOT_KEPT
from store import Store

LARGE = downloads.File(10 * MB)
TURNS, CLIENTS, HELD_SECONDS, QUIET_SECONDS, GOOD_SECONDS = 5, 5000, 60, 5, 20
TURNS_IN_SHORT, CLIENTS_IN_SHORT, HELD_SECONDS_IN_SHORT, GOOD_SECONDS_IN_SHORT = 2, 300, 8, 2
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

    def __init__(self, chosen, good, path):
        short = chosen.quick
        self.good, self.path = good, path
        self.clients = CLIENTS_IN_SHORT if short else CLIENTS
        self.held_seconds = HELD_SECONDS_IN_SHORT if short else HELD_SECONDS
        self.quiet_seconds = GOOD_SECONDS_IN_SHORT if short else QUIET_SECONDS
        self.good_seconds = GOOD_SECONDS_IN_SHORT if short else GOOD_SECONDS
        self.heap = self.kernel = 0

    def watched(self):
        return processes.memory_octets(self.good.bills["server"][0], "RssAnon")

    def one_good(self, seconds):
        return load.small_downloads(self.good, 1, seconds)["p99_us"] / 1000

    def run(self):
        load.check_guards(self.good)
        self.quiet_ms = self.one_good(self.quiet_seconds)
        before, kernel_before = self.watched(), kernel_octets()
        seen = self.hold()
        self.heap = max(0, self.heap - before) / self.clients / 1000
        self.kernel = max(0, self.kernel - kernel_before) / self.clients / 1000
        self.stalled, self.longest = seen["stalled"], seen["longest_wait_seconds"]
        ended, refused = seen["ended"], seen["refused"]
        if ended or refused:
            ended = f"{len(ended)} ended {ended[:1]}, {len(refused)} were refused {refused[:1]}"
            raise SystemExit(f"scripts/bench: {self.good.name}: of the slow downloads {ended}")
        return self

    def hold(self):
        """What the slow clients saw, with a good one beside them."""
        command = [*SLOW_CLIENTS, str(self.good.port), self.path, str(self.clients)]
        with (
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow,
            concurrent.futures.ThreadPoolExecutor() as threads,
        ):
            try:
                slow.stdout.readline()
                beside, until = threads.submit(self.one_good, self.good_seconds), time.monotonic() + self.held_seconds
                while time.monotonic() < until or not beside.done():
                    time.sleep(0.5)
                    self.heap, self.kernel = max(self.heap, self.watched()), max(self.kernel, kernel_octets())
                self.busy_ms = beside.result()
                seen, _ = slow.communicate()
            finally:
                slow.kill()
        return json.loads(seen)


def held(chosen, name, port, pid, small, large):
    """Slow clients of the large file, and a good one beside them, which takes the small one as fast as it gets it."""
    files = {small: told_apart(0, SMALL_OCTETS)}
    return Held(chosen, Contestant(name, port, [small], expect(files), {"server": [pid]}, chosen.folder), large).run()


def compare(kind, ours, theirs):
    against, itself, clients = f"nginx, {kind}", "itself without them", f"{ours[0].clients:,} slow from the {kind}"

    def both(figure):
        return [[getattr(turn, figure) for turn in turns] for turns in (ours, theirs)]

    goal = ("≤", HEAP_GOALS_KB[kind])
    yield Line("slow", f"heap of one of {clients}", "kB", *both("heap"), against, goal, "alone")
    yield Line("slow", f"the kernel's for one, both ends, {clients}", "kB", *both("kernel"), against)
    what, goal = f"that got nothing for {STALLED_SECONDS} s, {clients}", ("≤", 0)
    yield Line("slow", what, "", *both("stalled"), against, goal, "alone", max)
    yield Line("slow", f"the longest wait of {clients}", "s", *both("longest"), against, by="alone", counts=max)
    (our_busy, their_busy), (our_quiet, their_quiet) = both("busy_ms"), both("quiet_ms")
    what, goal = f"p99 of a good client beside {clients}", ("≤", GOOD_GOAL)
    yield Line("slow", what, "ms", our_busy, their_busy, against, goal)
    yield Line("slow", f"the same beside {clients}", "ms", our_busy, our_quiet, itself, goal)
    yield Line("slow", f"the same at nginx, {clients}", "ms", their_busy, their_quiet, itself)


def take_turns(chosen, kind, service, links, site):
    """The same at attachlink and at nginx in turn, each time in processes that hold nothing of the time before.

    `links` of attachlink to the small file and to the large one; `site` of nginx, by its port."""
    ours, theirs = [], []
    for turn in range(TURNS_IN_SHORT if chosen.quick else TURNS):
        with service:
            ours.append(held(chosen, "attachlink", service.port["public"], service.pid, *links))
        (port,) = processes.free_ports(1)
        signed = [nginx.signed(f"/files/{PREFIX}/{name}") for name in ("small", "large")]
        with nginx.Nginx(chosen.folder / f"nginx-{kind}-{turn}", port, site(port)) as server:
            theirs.append(held(chosen, "nginx", port, server.pid, *signed))
    yield from compare(kind, ours, theirs)


def put(folder):
    """The files in a directory of objects."""
    (folder / PREFIX).mkdir(parents=True)
    (folder / PREFIX / "small").write_bytes(told_apart(0, SMALL_OCTETS))
    with open(folder / PREFIX / "large", "wb") as out:
        out.writelines(LARGE.chunks())


def measure_disk(chosen):
    """Uploads, against the same files at nginx."""
    put(chosen.folder / "site" / "files")
    service = Service(chosen.binary, chosen.folder / "data")
    with service:
        service.set_up()
        service.upload("slow", "small", told_apart(0, SMALL_OCTETS), SMALL_OCTETS)
        service.upload("slow", "large", LARGE.chunks(), LARGE.octets)
        links = [service.link("slow", name) for name in ("small", "large")]
    site = lambda port: nginx.sendfile_site(port, chosen.folder / "site", NGINX_LISTEN)  # noqa: E731
    yield from take_turns(chosen, "disk", service, links, site)


def measure_store(chosen):
    """From a fast store, which both ask for the good client's file, too."""
    store = Store(chosen.folder / "store", STORE_LISTEN)
    put(store.objects)
    with store:
        service = Service(chosen.binary, chosen.folder / "data-store", **store.settings(), **NOT_KEPT)
        with service:
            service.set_up()
            links = [service.registered(name) for name in ("small", "large")]
        site = lambda port: nginx.proxy_site(port, store.port, listen=NGINX_LISTEN)  # noqa: E731
        yield from take_turns(chosen, "store", service, links, site)


def measure(chosen):
    """From the disk, then from the fast store."""
    yield from measure_disk(chosen)
    yield from measure_store(chosen)
