"""The API and downloads, as the help desk and recipients call them over a rehearsed set-up."""

import http.client
import json
import socket
import time
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30
CHUNK_OCTETS = 64 * 1024
# Of a download that takes its time: what lies in buffers is read in a fraction of a second, and the file in some.
OCTETS_PER_SECOND = 16 * 1024 * 1024
PROJECT = "/v1/sites/acme/projects/SUP"


class Api:
    """Calls with one key, at any address at which the API is reached."""

    def __init__(self, key):
        self.key = key

    def call(self, at, method, path, body=None, **headers):
        """Returns the status and the JSON that was answered, if any."""
        connection = http.client.HTTPConnection(*at, timeout=TIMEOUT_SECONDS)
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body), {"Content-Type": "application/json"}
        connection.request(method, path, body, {"Authorization": f"Bearer {self.key}", **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def well(self, at, method, path, body=None, **headers):
        """The same, where anything but a success is a failure."""
        status, answer = self.call(at, method, path, body, **headers)
        assert 200 <= status < 300, f"{method} {path} is answered with {status}: {answer}"
        return answer

    def make_project(self, at):
        """A site and a project whose emails carry links."""
        portal = "https://help.acme.example/portal/{project}/{request}"
        self.well(at, "PUT", "/v1/sites/acme", {"plan": "standard", "safe_notifications": False, "portal_url": portal})
        self.well(at, "PUT", f"{PROJECT}/attachment-security", {"mode": "secured_link"})

    def upload(self, at, comment, octets):
        path = f"{PROJECT}/comments/{comment}/attachments/a1/content?filename=part.bin"
        self.well(at, "PUT", path, octets, **{"Content-Type": "application/octet-stream"})

    def link(self, at, comment):
        """A fresh link of the comment's attachment: its path and its id."""
        answer = self.well(at, "POST", f"{PROJECT}/comments/{comment}/attachments/a1/links", {"recipients": ["r-17"]})
        return urlsplit(answer["links"][0]["url"]).path, answer["links"][0]["link_id"]


def get(at, path, method="GET", body=None, **headers):
    """One request at the public listener: the status and the octets of the answer."""
    connection = http.client.HTTPConnection(*at, timeout=TIMEOUT_SECONDS)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    octets = answer.read()
    connection.close()
    return answer.status, octets


class Running:
    """A download that takes its time, so that the file is far from sent when it is cut."""

    def __init__(self, at, path):
        self.socket = socket.create_connection(at, timeout=TIMEOUT_SECONDS)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: files.acme.example\r\n\r\n".encode())
        self.received = 0
        assert self.socket.recv(CHUNK_OCTETS).startswith(b"HTTP/1.1 200"), "a download did not begin"

    def read(self, seconds):
        """Reads on for so long, or until it is cut; returns whether it goes on."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            got = self._some()
            if not got:
                return False
            time.sleep(got / OCTETS_PER_SECOND)
        return True

    def read_to_end(self):
        """Reads what is left as fast as it comes, until it is cut; returns the octets."""
        before = self.received
        while self._some():
            pass
        return self.received - before

    def _some(self):
        try:
            got = len(self.socket.recv(CHUNK_OCTETS))
        except ConnectionResetError:
            got = 0
        self.received += got
        return got
