"""Slow clients by slowhttptest, and what a good client and the service feel of them."""

import contextlib
import re
import subprocess
import time
from dataclasses import dataclass

from good_client import GoodClient, percentile
from service import Service

SMALL_OCTETS = 20_000
LARGE_OCTETS = 10_000_000
# A limit that all of these attacks meet. The default is larger.
PER_CLIENT = 256
QUIET_SECONDS = 20
# After an attack everything of it has to be gone within this.
GONE_SECONDS = 30
# The good client's p99 under attack, to that of a client of another service which nobody attacks, at the same time and on
# the same machine: what attackers and clients take of its processors is not the service's doing.
SLOWER_AT_MOST = 2.0
MIB = 2**20


@dataclass
class Attack:
    """What slowhttptest does, and under which settings of the service."""

    name: str
    clients: int
    mode: list
    settings: dict
    # How many of them the service may hold at a time.
    held_at_most: int
    # The largest resident memory of the service meanwhile.
    bound_mib: int


def attacks(long):
    """With a limit for one client, and without it, so that they are really held."""
    heads, readers = (5000, 1000) if long else (500, 100)
    slow_heads = ["-H", "-i", "5"]
    slow_reads = ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"]
    limited, held = {"max_connections_per_client": PER_CLIENT}, {"max_connections_per_client": 0}
    patient = held | {"header_timeout_seconds": 300, "stall_timeout_seconds": 300, "min_rate_octets_per_second": 0}
    return [
        Attack(f"slow heads, at most {PER_CLIENT} of one client", heads, slow_heads, limited, min(heads, PER_CLIENT), 64),
        Attack("slow heads, all held", heads, slow_heads, patient, heads, 192),
        Attack(f"slow readers, at most {PER_CLIENT} of one client", readers, slow_reads, limited, min(readers, PER_CLIENT), 96),
        Attack("slow readers, all held", readers, slow_reads, patient, readers, 256),
    ]


@dataclass
class Felt:
    """One attack, and what came of it."""

    attack: Attack
    held: int
    quiet: list
    loaded: list
    spared: list
    failed: list
    resident: int
    left: list

    def slower(self):
        return percentile(self.loaded, 0.99) / percentile(self.spared, 0.99)

    def problems(self):
        found = [f"{len(self.failed)} good downloads failed: {self.failed[0]}"] if self.failed else []
        if self.slower() > SLOWER_AT_MOST:
            found.append(f"p99 {self.slower():.2f} times that of a service which is not attacked")
        if self.resident > self.attack.bound_mib * MIB:
            found.append(f"more than {self.attack.bound_mib} MiB of memory")
        if self.held < 0.95 * self.attack.held_at_most:
            found.append(f"only {self.held} were held: the attack does not do what it should")
        if self.held > self.attack.held_at_most + 1:
            found.append(f"{self.held} were held")
        return found + self.left

    def row(self):
        quiet, loaded, spared = (percentile(each, 0.99) for each in (self.quiet, self.loaded, self.spared))
        p50 = f"{percentile(self.quiet, 0.5):.1f} → {percentile(self.loaded, 0.5):.1f} ms"
        return [
            self.attack.name, f"{self.attack.clients:,}", f"{self.held:,}", p50,
            f"{quiet:.1f} → {loaded:.1f} ms",
            f"{spared:.1f} ms ({self.slower():.2f})",
            f"{len(self.loaded):,}, {len(self.failed)} failed",
            f"{self.resident / MIB:.0f} of {self.attack.bound_mib} MiB",
            "; ".join(self.problems()) or "none",
        ]


COLUMNS = [
    "attack", "clients", "held at most", "good p50", "good p99", "p99 elsewhere (times)", "good downloads", "memory",
    "what failed",
]


def start(attack, url, seconds):
    """All within the first ten seconds, at the lowest priority: what the tool itself computes is not the attack."""
    rate = max(50, attack.clients // 8)
    command = ["nice", "-n", "19", "slowhttptest", "-c", str(attack.clients), "-r", str(rate), "-l", str(seconds)]
    # A probe of its own that waits for long: the good client judges, and not the tool.
    return subprocess.Popen(
        [*command, "-p", str(seconds), *attack.mode, "-u", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def left_over(service, descriptors):
    """What is still there once all of the attack should be gone."""
    until = time.monotonic() + GONE_SECONDS
    while True:
        found = []
        if (now := service.descriptors()) > descriptors:
            found.append(f"{now - descriptors} descriptors left")
        for series in ('attachlink_connections_open{listener="public"}', "attachlink_downloads_running"):
            if (value := service.metric(series)) > 0:
                found.append(f"{series} is {value:.0f}")
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.5)


@contextlib.contextmanager
def serving(binary, data, settings):
    """A service with a small and a large file, and what its good client asks for."""
    with Service(binary, data, **settings) as service:
        service.set_up()
        service.upload("c1", "small", bytes(SMALL_OCTETS), SMALL_OCTETS)
        service.upload("c1", "large", bytes(LARGE_OCTETS), LARGE_OCTETS)
        good = (service.port["public"], service.link("c1", "small"), SMALL_OCTETS)
        with GoodClient(*good):
            time.sleep(2)
        yield service, good


def measure(binary, folder, attack, seconds):
    """Quiet, under attack, quiet again: a service that is attacked and one that is not, and a good client of each."""
    data = folder / re.sub(r"\W+", "-", attack.name)
    with serving(binary, data, attack.settings) as (service, good), serving(binary, f"{data}-spared", {}) as (_, elsewhere):
        descriptors, quiet = service.descriptors(), []
        with GoodClient(*good) as client:
            time.sleep(QUIET_SECONDS / 2)
        quiet += client.seconds
        tool = start(attack, service.base("public") + service.link("c1", "large"), seconds)
        held, resident = 0, 0
        with GoodClient(*good) as loaded, GoodClient(*elsewhere) as spared:
            while tool.poll() is None:
                time.sleep(0.5)
                open_now = service.metric('attachlink_connections_open{listener="public"}')
                held, resident = max(held, int(open_now)), max(resident, service.resident_octets())
        left = left_over(service, descriptors)
        with GoodClient(*good) as client:
            time.sleep(QUIET_SECONDS / 2)
        quiet += client.seconds
        failed = loaded.failed + client.failed
        return Felt(attack, held, quiet, loaded.seconds, spared.seconds, failed, resident, left)
