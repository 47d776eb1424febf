"""Many small requests: wrk, and a second look at what it was answered."""

import hashlib
import http.client
import json
import os
import random
import re
import socket
import subprocess
import threading
from pathlib import Path

THREADS = max(1, os.cpu_count() // 2)
CHECKS_PER_SECOND = 20
WARM_UP_SECONDS = 1
PATIENCE_SECONDS = 60
SAMPLED_PATHS = 50
# What comes next in a link is of its secret: nginx's signature, or a token after its id.
BEFORE_SECRET = re.compile(r"md5=|al1_[\w-]{30}")
REFUSED = (403, 404, 410)
# Of attachlink's answers: a browser runs nothing of a file.
GUARDING = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}


class Checker(threading.Thread):
    """Asks for some of the same paths beside wrk, and compares length and SHA-256."""

    def __init__(self, contestant):
        super().__init__(daemon=True)
        self.contestant, self.over, self.wrong, self.looked = contestant, threading.Event(), None, 0

    def run(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.contestant.port, timeout=PATIENCE_SECONDS)
            while self.looked == 0 or not self.over.wait(1 / CHECKS_PER_SECOND):
                self.look(connection, random.choice(self.contestant.paths))
            connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.wrong = error

    def look(self, connection, path):
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read()
        octets, digest = self.contestant.expected(path)
        if (answer.status, len(body), hashlib.sha256(body).hexdigest()) != (200, octets, digest):
            raise ValueError(f"{answer.status}, {len(body)} octets that are not the file")
        self.looked += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, failed, *_):
        self.over.set()
        self.join(PATIENCE_SECONDS)
        if failed:
            return
        if self.is_alive():
            exit_for(f"{self.contestant.name} has not answered for {PATIENCE_SECONDS} s")
        if self.wrong or not self.looked:
            exit_for(f"{self.contestant.name} gave something else: {self.wrong}")


def asked(port, path):
    """The status of an answer and its headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.headers
    finally:
        connection.close()


def check_guards(contestant):
    """Links with another secret are refused, and attachlink's answers guard the browser: that is part of the cost."""
    if not contestant.guarded:
        return
    path = contestant.paths[0]
    secrets = [found.end() for found in BEFORE_SECRET.finditer(path)]
    for at in secrets:
        other = path[:at] + ("B" if path[at] == "A" else "A") + path[at + 1:]
        status, _ = asked(contestant.port, other)
        if status not in REFUSED:
            exit_for(f"{contestant.name} answers {status} to a link with another secret")
    if not secrets:
        exit_for(f"{contestant.name}: a link without a secret")
    status, headers = asked(contestant.port, path)
    lacking = [name for name, value in GUARDING.items() if value not in headers.get(name, "")]
    guards = contestant.guards or path.startswith("/a/")
    if status != 200 or guards and lacking:
        exit_for(f"{contestant.name} answers {status} without {lacking}")


def answer_octets(contestant):
    """The least and the most that one answer takes on the wire, head and body, among some of the paths."""
    sizes = []
    for path in random.sample(contestant.paths, min(SAMPLED_PATHS, len(contestant.paths))):
        with socket.create_connection(("127.0.0.1", contestant.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{contestant.port}\r\n\r\n".encode())
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(1 << 16) or exit_for("an answer without an end of its head")
            sizes.append(got.index(b"\r\n\r\n") + 4 + contestant.expected(path)[0])
    return min(sizes), max(sizes)


def exit_for(what):
    raise SystemExit(f"scripts/bench: {what}")


def wrk(port, paths, connections, seconds, body=None, headers=None):
    """One round over the file `paths`. Any failed request ends the run: a refusal is cheaper than an answer."""
    threads = min(connections, THREADS)
    command = ["wrk", "--threads", str(threads), "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "10s"]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    command += ["--script", str(Path(__file__).with_name("load.lua")), f"http://127.0.0.1:{port}"]
    command += ["--", str(paths), str(threads)]
    command += [str(body)] if body else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE_SECONDS)
    said = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode != 0 or not said:
        exit_for(f"wrk: {done.stdout}{done.stderr}")
    result = json.loads(said[0].removeprefix("RESULT "))
    under_way = result["sent"] - result["requests"]
    if result["failed"] or not result["requests"] or not 0 <= under_way <= connections:
        exit_for(f"requests to port {port} failed: {result}")
    return result | {"per_second": result["requests"] / result["seconds"], "under_way": under_way}


def write_paths(folder, paths):
    """The file that wrk reads."""
    file = folder / f"paths-{random.getrandbits(64):x}"
    file.write_text("".join(f"{path}\n" for path in paths))
    return file


def small_downloads(contestant, connections, seconds):
    """One round of whole downloads, checked: every length by wrk's own parser and the sum of all octets."""
    least, most = contestant.answer_octets
    with contestant.paths_file() as paths, Checker(contestant):
        result = wrk(contestant.port, paths, connections, seconds)
    requests, octets = result["requests"], result["octets"]
    # Of those under way at the end some octets have come.
    if not requests * least <= octets <= (requests + result["under_way"]) * most:
        exit_for(f"{contestant.name}: {octets} octets in {requests} answers of {least} to {most}")
    return result
