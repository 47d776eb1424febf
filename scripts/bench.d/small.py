"""Rows s3-small and garage: 20 KB that are not kept in memory, from a fast store and from a genuine one."""

import contextlib

import garage
import nginx
import processes
from hot import attachlink, compare, contestant, small_files, take_turns
from report import Line
from service import PREFIX, Service
from store import BUCKET, Store

CONNECTIONS = 64
CPU_GOAL, WAIT_GOAL_MICROSECONDS, GARAGE_GOAL = 1.1, 100, 0.05
NOT_KEPT = {"cache_bytes": 0}


def direct(store, files, folder):
    """The store itself, without anything before it."""
    links = {f"/{BUCKET}/{PREFIX}/{name}": body for name, body in files.items()}
    itself = contestant("the store itself", store.port, links, {"server": [store.pid]}, folder)
    itself.guarded = False
    return itself


def measure_store(chosen):
    """From the fast store: CPU at many connections, and what one connection waits longer than at the store itself."""
    files = small_files()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Store(chosen.folder / "store"))
        for name, body in files.items():
            store.put(f"{PREFIX}/{name}", [body])
        settings = store.settings() | NOT_KEPT
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data", **settings))
        service.set_up()
        (port,) = processes.free_ports(1)
        proxy = stack.enter_context(nginx.Nginx(chosen.folder / "nginx", port, nginx.proxy_site(port, store.port)))
        bills = {"object store": [store.pid]}
        links = {service.registered(name): body for name, body in files.items()}
        ours = contestant("attachlink", service.port["public"], links, bills | {"server": [service.pid]}, chosen.folder)
        links = {nginx.signed(f"/files/{PREFIX}/{name}"): body for name, body in files.items()}
        theirs = contestant("nginx", port, links, bills | {"server": [proxy.pid]}, chosen.folder)
        turns, suffix = take_turns(chosen, [ours, theirs], CONNECTIONS), f"{CONNECTIONS} connections"
        yield from compare(turns, "s3-small", ("attachlink", "nginx"), suffix, (), ("≤", CPU_GOAL), "nginx proxy")
        yield from alone(take_turns(chosen, [ours, direct(store, files, chosen.folder), theirs], 1))


def alone(turns):
    ours, store, theirs = (turns.figures(name, "p50_us") for name in ("attachlink", "the store itself", "nginx"))
    goal = ("≤", WAIT_GOAL_MICROSECONDS)
    yield Line("s3-small", "p50 over the store's own, 1 connection", "µs", ours, store, "the store", goal, by="difference")
    yield Line("s3-small", "p50, 1 connection", "µs", ours, theirs, "nginx proxy")


def measure_garage(chosen):
    """From Garage, by its web endpoint for nginx, which asks for no signature."""
    files = small_files()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(garage.Garage(chosen.folder / "garage"))
        settings = store.settings() | NOT_KEPT
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data", **settings))
        ours = attachlink(service, chosen.folder, files)
        ours.bills["object store"] = [store.pid]
        keys = garage.keys_of(chosen.folder / "data" / "attachlink.db")
        (port,) = processes.free_ports(1)
        site = nginx.proxy_site(port, store.web_port, bucket="", host=store.web_host)
        proxy = stack.enter_context(nginx.Nginx(chosen.folder / "nginx", port, site))
        links = {nginx.signed(f"/files/{keys[name]}"): body for name, body in files.items()}
        bills = {"server": [proxy.pid], "object store": [store.pid]}
        theirs = contestant("nginx", port, links, bills, chosen.folder)
        turns = take_turns(chosen, [ours, theirs], 1)
        waits = [turns.figures(name, "p50_us", scale=1e-3) for name in ("attachlink", "nginx")]
        yield Line("garage", "p50, 1 connection", "ms", *waits, "nginx proxy", ("≤", GARAGE_GOAL))
        yield from compare(turns, "garage", ("attachlink", "nginx"), "1 connection", against="nginx proxy")
