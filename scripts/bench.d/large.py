"""Rows large and disk: whole large files, from a store and from the disk."""

import contextlib
import os
import statistics

import downloads
import load
import nginx
import processes
from contest import Contestant, Turns
from downloads import GB, MB
from report import Line
from service import PREFIX, Service
from store import Store

# A name, the octets of a file, how many clients take it at once and how often.
SIZES = (("10 MB", 10 * MB, 4, 25), ("1 GB", GB, 1, 1))
SIZES_IN_SHORT = (("10 MB", 10 * MB, 4, 4), ("100 MB", 100 * MB, 1, 2))
FIRST_OCTET_CLIENTS, FIRST_OCTET_DOWNLOADS = 16, 12
CPU_GOALS = {"large": {"10 MB": 0.85, "1 GB": 1.0}, "disk": {"10 MB": 1.5, "1 GB": 1.5}}
FIRST_OCTET_GOAL = 1.2


def sizes(chosen):
    return SIZES_IN_SHORT if chosen.quick else SIZES


def contestant(chosen, name, port, path, pid, others):
    return Contestant(name, port, [path], None, {"server": [pid]} | others, chosen.folder)


def take_turns(chosen, contestants, file, clients, each):
    """Rounds of downloads, after one of each that nobody counts."""
    for one in contestants:
        load.check_guards(one)
        downloads.many(one, file, 1, 1)
    return Turns(contestants).run(chosen.pairs, lambda one: downloads.many(one, file, clients, each))


def lines(turns, row, title, names, against="nginx"):
    """Processor time for each gigabyte, and the speed."""
    ours, theirs = names
    costs = [turns.figures(name, "cpu") for name in names]
    goal = ("≤", CPU_GOALS[row][title]) if title in CPU_GOALS[row] else ()
    yield Line(row, f"CPU of 1 GB in files of {title}", "s", *costs, against, goal)
    if "object store" in turns.contestants[ours].bills:
        costs = [turns.figures(name, "cpu", "object store") for name in names]
        yield Line(row, f"the object store's, files of {title}", "s", *costs, against)
    speeds = [[result["per"] * 1000 / result["seconds"] for result in turns.rounds[name]] for name in names]
    yield Line(row, f"speed, files of {title}", "MB/s", *speeds, against)


def measure_large(chosen):
    """From a fast store, against nginx as a tuned proxy; and that nginx against itself."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Store(chosen.folder / "store"))
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data", **store.settings()))
        service.set_up()
        ports = processes.free_ports(2)
        proxies = [
            stack.enter_context(nginx.Nginx(chosen.folder / f"nginx-{port}", port, nginx.proxy_site(port, store.port)))
            for port in ports
        ]
        others = {"object store": [store.pid]}
        for title, octets, clients, each in sizes(chosen):
            file, name = downloads.File(octets), f"file-{octets}"
            store.put(f"{PREFIX}/{name}", file.chunks())
            path, port = service.registered(name), service.port["public"]
            contestants = [contestant(chosen, "attachlink", port, path, service.pid, others)]
            for label, proxy in zip(("nginx", "nginx-twin"), proxies):
                path = nginx.signed(f"/files/{PREFIX}/{name}")
                contestants.append(contestant(chosen, label, proxy.port, path, proxy.pid, others))
            turns = take_turns(chosen, contestants, file, clients, each)
            yield from lines(turns, "large", title, ("attachlink", "nginx"), "nginx proxy")
            costs = [turns.figures(label, "cpu") for label in ("nginx-twin", "nginx")]
            yield Line("noise", f"CPU of 1 GB in files of {title}, nginx itself", "s", *costs, "nginx proxy")


def measure_disk(chosen):
    """From the disk, which memory holds, against nginx's sendfile: uploads, and files that were there and are registered,
    which anybody may write to, so that attachlink reads and checks them."""
    with contextlib.ExitStack() as stack:
        root = chosen.folder / "data"
        objects = root / "objects"
        (objects / PREFIX).mkdir(parents=True)
        (chosen.folder / "site" / "files").mkdir(parents=True)
        (port,) = processes.free_ports(1)
        service = stack.enter_context(Service(chosen.binary, root))
        service.set_up()
        site = nginx.sendfile_site(port, chosen.folder / "site")
        server = stack.enter_context(nginx.Nginx(chosen.folder / "nginx", port, site))
        for title, octets, clients, each in sizes(chosen):
            file, name = downloads.File(octets), f"file-{octets}"
            public = service.port["public"]
            service.upload("disk", name, file.chunks(), octets)
            ours = contestant(chosen, "attachlink", public, service.link("disk", name), service.pid, {})
            with open(chosen.folder / "site" / "files" / name, "wb") as out:
                out.writelines(file.chunks())
            theirs = contestant(chosen, "nginx", port, nginx.signed(f"/files/{name}"), server.pid, {})
            os.link(chosen.folder / "site" / "files" / name, objects / PREFIX / name)
            read = contestant(chosen, "attachlink-read", public, service.registered(name), service.pid, {})
            turns = take_turns(chosen, [ours, theirs, read], file, clients, each)
            yield from lines(turns, "disk", title, ("attachlink", "nginx"), "nginx sendfile")
            costs = [turns.figures(label, "cpu") for label in ("attachlink-read", "nginx")]
            yield Line("disk", f"CPU of 1 GB in registered files of {title}", "s", *costs, "nginx sendfile")
            if title == "10 MB":
                yield first_octets(chosen, [ours, theirs], file)


def first_octets(chosen, contestants, file):
    """How long clients wait that all download at once."""
    turns = take_turns(chosen, contestants, file, FIRST_OCTET_CLIENTS, 2 if chosen.quick else FIRST_OCTET_DOWNLOADS)
    waits = [[statistics.median(result["firsts"]) * 1000 for result in turns.rounds[one.name]] for one in contestants]
    what = f"first octet, p50, {FIRST_OCTET_CLIENTS} connections"
    return Line("disk", what, "ms", *waits, "nginx sendfile", ("≤", FIRST_OCTET_GOAL))
