"""Row cut: what a running download still hands out after its link was revoked."""

import socket
import threading
import time

import downloads
import revoke
from downloads import GB
from postgres import Postgres
from report import Line
from service import PREFIX, Service
from store import Store

ROUNDS, ROUNDS_IN_SHORT = 40, 7
# The reader takes what there is, but not so fast that the file is over before the cut.
READ_OCTETS, PAUSE_SECONDS = 256 * 1024, 0.002
RUNNING_SECONDS = 0.3
PATIENCE_SECONDS = 5
GOALS_MS = {"the same replica": 50, "another replica": 300}
ALWAYS_MS = 1000


class Download(threading.Thread):
    """A client that reads until it is cut, and remembers when it last got something."""

    def __init__(self, port, path):
        super().__init__(daemon=True)
        self.port, self.path, self.octets, self.last, self.reset = port, path, 0, 0, False

    def run(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            try:
                while got := connection.recv(READ_OCTETS):
                    self.octets, self.last = self.octets + len(got), time.perf_counter()
                    time.sleep(PAUSE_SECONDS)
            except ConnectionResetError:
                self.reset = True
            except TimeoutError:
                pass  # it was not cut


def cut_ms(revoking, serving, path):
    """From the answer to the revocation to the last octets that the download got."""
    link_id = revoking.link_id_of(path)
    download = Download(serving.port["public"], path)
    download.start()
    time.sleep(RUNNING_SECONDS)
    if not download.octets:
        raise SystemExit("scripts/bench: a download did not begin")
    revoke.timed_ms(revoking, ("DELETE", f"/links/{link_id}", None))
    answered = time.perf_counter()
    download.join(2 * PATIENCE_SECONDS)
    if not download.reset:
        raise SystemExit(f"scripts/bench: a download was not cut, after {download.octets} octets")
    return max(0, download.last - answered) * 1000


def lines(file, where, times):
    """The median and the longest."""
    what = f"from the answer to the last octet, {file}, {where}"
    yield Line("cut", what, "ms", times, goal=("≤", GOALS_MS[where]), by="alone")
    yield Line("cut", f"{what}, the longest", "ms", times, goal=("≤", ALWAYS_MS), by="alone", counts=max)


def cuts(chosen, revoking, serving, comment):
    rounds = ROUNDS_IN_SHORT if chosen.quick else ROUNDS
    return [cut_ms(revoking, serving, revoking.link(comment, "large")) for _ in range(rounds)]


def from_disk(chosen, where, revoking, serving):
    """An upload, which the kernel sends, and a registered file, which is read."""
    revoking.set_up()
    revoking.upload("uploaded", "large", downloads.large_chunks(GB), GB)
    yield from lines("an upload", where, cuts(chosen, revoking, serving, "uploaded"))
    revoking.registered("large")
    yield from lines("a registered file", where, cuts(chosen, revoking, serving, "kept"))


def from_store(chosen, where, revoking, serving):
    revoking.set_up()
    revoking.registered("large")
    yield from lines("from the store", where, cuts(chosen, revoking, serving, "kept"))


def put(large, folder):
    """The file in a directory of objects."""
    (folder / PREFIX).mkdir(parents=True)
    (folder / PREFIX / "large").hardlink_to(large)


def measure_alone(chosen, large):
    """By the process that serves."""
    data, store = chosen.folder / "data", Store(chosen.folder / "store")
    put(large, data / "objects")
    put(large, store.objects)
    with Service(chosen.binary, data) as service:
        yield from from_disk(chosen, "the same replica", service, service)
    with store, Service(chosen.binary, chosen.folder / "data-store", **store.settings()) as service:
        yield from from_store(chosen, "the same replica", service, service)


def measure_replicas(chosen, large):
    """By another process on the same PostgreSQL and directory, or store."""
    shared, store = chosen.folder / "shared", Store(chosen.folder / "shared-store")
    put(large, shared)
    put(large, store.objects)
    with Postgres() as server, store:
        for name, objects, cuts_of in (
            ("disk", {"objects": f"file:{shared}"}, from_disk), ("store", store.settings(), from_store)
        ):
            settings = server.database(name) | objects
            first, second = (Service(chosen.binary, chosen.folder / f"{name}-{of}", **settings) for of in ("one", "two"))
            with first, second:
                yield from cuts_of(chosen, "another replica", first, second)


def measure(chosen):
    """By the process that serves, and by another one."""
    large = chosen.folder / "large"
    with open(large, "wb") as out:
        out.writelines(downloads.large_chunks(GB))
    yield from measure_alone(chosen, large)
    yield from measure_replicas(chosen, large)
