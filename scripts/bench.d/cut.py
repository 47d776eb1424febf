"""Row cut: what a running download still hands out after its link was revoked."""

import contextlib
import socket
import threading
import time

import downloads
import revoke
from downloads import GB
from postgres import Postgres
from report import Line
from service import PREFIX, Service

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


def lines(where, times):
    """The median and the longest."""
    what = f"from the answer to the last octet, {where}"
    yield Line("cut", what, "ms", times, goal=("≤", GOALS_MS[where]), by="alone")
    yield Line("cut", f"{what}, the longest", "ms", times, goal=("≤", ALWAYS_MS), by="alone", counts=max)


def cuts(chosen, revoking, serving):
    rounds = ROUNDS_IN_SHORT if chosen.quick else ROUNDS
    revoking.registered("large")
    return [cut_ms(revoking, serving, revoking.link("kept", "large")) for _ in range(rounds)]


def measure(chosen):
    """By the process that serves, and by another one on the same PostgreSQL and directory."""
    alone, shared = chosen.folder / "data", chosen.folder / "shared"
    for objects in (alone / "objects", shared):
        (objects / PREFIX).mkdir(parents=True)
    with open(shared / PREFIX / "large", "wb") as out:
        out.writelines(downloads.large_chunks(GB))
    (alone / "objects" / PREFIX / "large").hardlink_to(shared / PREFIX / "large")
    with Service(chosen.binary, alone) as service:
        service.set_up()
        yield from lines("the same replica", cuts(chosen, service, service))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())
        settings = server.database("cut") | {"objects": f"file:{shared}"}
        replicas = (Service(chosen.binary, chosen.folder / name, **settings) for name in ("one", "two"))
        first, second = (stack.enter_context(replica) for replica in replicas)
        first.set_up()
        yield from lines("another replica", cuts(chosen, first, second))
