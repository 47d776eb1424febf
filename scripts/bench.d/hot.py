"""Rows hot and cache: 20 KB that everybody asks for, against nginx that cannot revoke."""

import contextlib

import load
import nginx
import processes
from contest import Contestant, Turns, expect, told_apart
from report import Line
from service import Service
from store import Store

SMALL_OCTETS = 20_000
FILES = 100
CONNECTIONS = (64, 512)
MICROSECONDS = 1e6
# Of the requests to a cache.
MOST_PASSED_ON = 0.01


def small_files():
    return {f"a{number}": told_apart(number, SMALL_OCTETS) for number in range(FILES)}


def attachlink(service, folder, files):
    """Uploads the files, and serves each by a link."""
    service.set_up()
    links = {}
    for name, body in files.items():
        service.upload("hot", name, body, len(body))
        links[service.link("hot", name)] = body
    return contestant("attachlink", service.port["public"], links, {"server": [service.pid]}, folder)


def contestant(name, port, links, bills, folder):
    return Contestant(name, port, list(links), expect(links), bills, folder)


def signed(files, more=""):
    return {nginx.signed(f"/files/{name}", more): body for name, body in files.items()}


def sendfile(stack, folder, name, files, more=""):
    """nginx with the files on its disk."""
    root = folder / name
    (root / "files").mkdir(parents=True)
    for file, body in files.items():
        (root / "files" / file).write_bytes(body)
    (port,) = processes.free_ports(1)
    server = stack.enter_context(nginx.Nginx(root / "nginx", port, nginx.sendfile_site(port, root, more=more)))
    return contestant(name, port, signed(files), {"server": [server.pid]}, folder)


def cached(stack, folder, name, files, more=""):
    """nginx with the files in its cache, from a store behind it; and that store."""
    root = folder / name
    store = stack.enter_context(Store(folder / f"{name}-store"))
    for file, body in files.items():
        store.put(file, [body])
    (port,) = processes.free_ports(1)
    http = f"    proxy_cache_path {root}-cache levels=1:2 keys_zone=kept:10m max_size=1g inactive=1d use_temp_path=off;\n"
    keep = "proxy_cache kept; proxy_cache_key $uri; proxy_cache_valid 200 1d;"
    site = nginx.proxy_site(port, store.port, more=keep + more, http=http)
    server = stack.enter_context(nginx.Nginx(root, port, site))
    return contestant(name, port, signed(files), {"server": [server.pid]}, folder), store


def take_turns(chosen, contestants, connections):
    """Rounds of small downloads, after one of each that nobody counts."""
    for each in contestants:
        load.check_guards(each)
        load.small_downloads(each, connections, load.WARM_UP_SECONDS)

    def one_round(each):
        result = load.small_downloads(each, connections, chosen.seconds)
        return result | {"per": result["requests"]}

    return Turns(contestants).run(chosen.pairs, one_round)


def compare(turns, row, names, suffix, rate_goal=(), cpu_goal=(), against=None, cpu="cpu"):
    """The lines of most rows: requests a second, processor time for each, and what their database or store took of it."""
    against = against or names[1]
    rates = [turns.figures(name, "per_second") for name in names]
    costs = [turns.figures(name, cpu, scale=MICROSECONDS) for name in names]
    yield Line(row, f"requests, {suffix}", "/s", *rates, against, rate_goal)
    yield Line(row, f"CPU of one, {suffix}", "µs", *costs, against, cpu_goal)
    for other in set(turns.contestants[names[0]].bills) - {"server"}:
        costs = [turns.figures(name, "cpu", other, MICROSECONDS) for name in names]
        yield Line(row, f"CPU of the {other}, {suffix}", "µs", *costs, against)


def measure_hot(chosen):
    """Against files on nginx's disk, without attachlink's headers and with them; and nginx against a second nginx, which
    tells what a ratio of 1 looks like here."""
    files = small_files()
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data"))
        ours = attachlink(service, chosen.folder, files)
        theirs, twin = (sendfile(stack, chosen.folder, name, files) for name in ("nginx", "nginx-twin"))
        same = sendfile(stack, chosen.folder, "nginx-headers", files, nginx.SAME_HEADERS)
        same.guards = True
        for connections in CONNECTIONS:
            turns = take_turns(chosen, [ours, theirs, same, twin], connections)
            suffix = f"{connections} connections"
            yield from compare(turns, "hot", ("attachlink", "nginx"), suffix, ("≥", 0.95), ("≤", 1.05))
            yield from compare(turns, "hot", ("attachlink", "nginx-headers"), suffix, against="nginx, same headers")
            yield from compare(turns, "noise", ("nginx-twin", "nginx"), f"nginx itself, {suffix}")


def measure_cache(chosen):
    """Against nginx that keeps what a store gave it."""
    files = small_files()
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data"))
        ours = attachlink(service, chosen.folder, files)
        theirs, store = cached(stack, chosen.folder, "nginx-cache", files)
        same, store_of_same = cached(stack, chosen.folder, "nginx-cache-headers", files, nginx.SAME_HEADERS)
        same.guards = True
        stores = {theirs.name: store, same.name: store_of_same}
        for connections in CONNECTIONS:
            before = {name: store.asked() for name, store in stores.items()}
            turns = take_turns(chosen, [ours, theirs, same], connections)
            for name, store in stores.items():
                passed_on, requests = store.asked() - before[name], sum(turns.figures(name, "requests"))
                if passed_on > requests * MOST_PASSED_ON:
                    raise SystemExit(f"scripts/bench: {name} passed {passed_on} of {requests} requests on to the store")
            suffix = f"{connections} connections"
            yield from compare(turns, "cache", ("attachlink", "nginx-cache"), suffix, ("≥", 1.15), ("≤", 0.85))
            yield from compare(turns, "cache", ("attachlink", "nginx-cache-headers"), suffix, against="nginx-cache, same headers")
