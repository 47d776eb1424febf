"""Row start: from the start of the process to the first octet of a file; memory at rest; the size of the program."""

import socket
import time

from contest import told_apart
from hot import SMALL_OCTETS
from report import Line
from service import Service

STARTS, STARTS_IN_SHORT = 15, 5
REST_SECONDS = 3
PATIENCE_SECONDS = 10
PAUSE_SECONDS = 0.0005
FIRST_OCTET_GOAL_MS, REST_GOAL_MB, PROGRAM_GOAL_MB = 50, 20, 25
MB = 10**6


def first_octet(port, path):
    """One try: when the first octet of the body came."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0 or len(got) == end + 4:
            octets = connection.recv(1 << 16)
            if not octets:
                raise ConnectionResetError
            got += octets
        if not got.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"scripts/bench: after a start: {got[:60]!r}")
        return time.perf_counter()


class Start:
    """A start of the service that asks for a file from the beginning on."""

    def __init__(self, chosen, data, path):
        self.path, self.service = path, Service(chosen.binary, data, ready=self.asked_for_long)

    def asked_for_long(self):
        until = time.perf_counter() + PATIENCE_SECONDS
        while time.perf_counter() < until:
            try:
                self.came = first_octet(self.service.port["public"], self.path)
                return True
            except ConnectionError:
                time.sleep(PAUSE_SECONDS)
        return False

    def measured(self):
        """Milliseconds to the first octet, and megabytes at rest."""
        began = time.perf_counter()
        with self.service:
            time.sleep(REST_SECONDS)
            return (self.came - began) * 1000, self.service.resident_octets() / MB


def measure(chosen):
    """Embedded: one process, its database and its directory."""
    data = chosen.folder / "data"
    with Service(chosen.binary, data) as service:
        service.set_up()
        service.upload("c1", "a1", told_apart(0, SMALL_OCTETS), SMALL_OCTETS)
        path = service.link("c1", "a1")
    starts = [Start(chosen, data, path).measured() for _ in range(STARTS_IN_SHORT if chosen.quick else STARTS)]
    times, resident = zip(*starts)
    goal = ("≤", FIRST_OCTET_GOAL_MS)
    yield Line("start", "from the start to the first octet of a file", "ms", times, goal=goal, by="alone")
    yield Line("start", "resident memory at rest", "MB", resident, goal=("≤", REST_GOAL_MB), by="alone")
    octets = chosen.binary.stat().st_size / MB
    yield Line("start", "the program", "MB", [octets], goal=("≤", PROGRAM_GOAL_MB), by="alone")
