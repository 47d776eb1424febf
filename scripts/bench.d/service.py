"""A service to measure: started on free loopback ports, driven through its API, ended at the end."""

import base64
import http.client
import json
import os
import urllib.parse
import uuid
from pathlib import Path

import processes

SITE, PROJECT = "acme", "SUP"
LISTENERS = ("public", "api", "ops")
PREFIX = "acme"  # of objects that lie in the store already


def s3_settings(bucket, port, region, key_id, secret):
    """What a service needs to use a bucket of a server on this machine."""
    return {
        "objects": f"s3://{bucket}",
        "s3_endpoint": f"http://127.0.0.1:{port}",
        "s3_region": region,
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
    }


class Service(processes.Server):
    """`attachlink serve` on a data directory of its own; a context manager."""

    def __init__(self, binary, data, ready=None, **settings):
        """`ready` says when it has started; else its own word counts. `settings` are its variables."""
        self.binary, self.data, self.settings = str(binary), Path(data), settings
        self.ready = ready or self.is_ready
        self.key = None

    def __enter__(self):
        self.port = dict(zip(LISTENERS, processes.free_ports(len(LISTENERS))))
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("ATTACHLINK_", "AWS_"))}
        variables |= {f"ATTACHLINK_{name.upper()}_LISTEN": f"127.0.0.1:{port}" for name, port in self.port.items()}
        variables |= {"ATTACHLINK_DATA_DIR": str(self.data), "ATTACHLINK_LOG": "warn"}
        # All clients are this machine.
        settings = {"max_connections_per_client": 0} | self.settings
        for name, value in settings.items():
            variables[name if name.startswith("AWS_") else f"ATTACHLINK_{name.upper()}"] = str(value)
        self.process = processes.Process([self.binary, "serve"], f"{self.data}.log", self.ready, variables=variables)
        self.process.__enter__()
        return self

    def is_ready(self):
        if self.ask("ops", "GET", "/readyz")[0] != 200:
            return False
        # Where services share a database, the first of them made the key.
        key = self.data / "first-api-key"
        if key.exists():
            self.key = key.read_text().strip()
        return True

    def ask(self, listener, method, path, body=None, headers=None, seconds=300):
        """One request on a connection of its own: the status and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port[listener], timeout=seconds, blocksize=1 << 20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def authorization(self):
        return {"Authorization": f"Bearer {self.key}"}

    def call(self, method, path, body=None, **kept):
        """A call of the API, which has to succeed."""
        headers = self.authorization() | kept.pop("headers", {})
        if isinstance(body, dict):
            body, headers = json.dumps(body), headers | {"Content-Type": "application/json"}
        status, answer = self.ask("api", method, f"/v1/sites/{SITE}{path}", body, headers, **kept)
        if status not in (200, 201, 204):
            raise SystemExit(f"scripts/bench: {method} {path}: {status} {answer[:500]!r}")
        return json.loads(answer) if answer else None

    def set_up(self):
        """A site and a project that sends secured links."""
        portal = "https://help.acme.example/portal/{project}/{request}"
        self.call("PUT", "", {"plan": "enterprise", "safe_notifications": False, "portal_url": portal, "object_prefix": PREFIX})
        self.call("PUT", f"/projects/{PROJECT}/attachment-security", {"mode": "secured_link"})

    def upload(self, comment, attachment, body, octets, filename="report.bin"):
        """Uploads an attachment: bytes, or an iterable of bytes."""
        path = f"/projects/{PROJECT}/comments/{comment}/attachments/{attachment}/content"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(octets)}
        self.call("PUT", f"{path}?filename={filename}", body, headers=headers)

    def link(self, comment, attachment):
        """The path of a fresh link."""
        path = f"/projects/{PROJECT}/comments/{comment}/attachments/{attachment}/links"
        issued = self.call("POST", path, {"recipients": ["r-1"]})
        return urllib.parse.urlsplit(issued["links"][0]["url"]).path

    def register(self, project, comment, attachment, name):
        """Registers an object that lies in the store already."""
        body = {"object_key": f"{PREFIX}/{name}", "filename": "report.bin", "media_type": "application/octet-stream"}
        self.call("PUT", f"/projects/{project}/comments/{comment}/attachments/{attachment}", body)

    def registered(self, name):
        """The same; the path of a link to it."""
        self.register(PROJECT, "kept", name, name)
        return self.link("kept", name)

    @staticmethod
    def link_id_of(path):
        """The public name of a link: the first octets of its token."""
        token = path.removeprefix("/a/").partition("/")[0].removeprefix("al1_")
        return str(uuid.UUID(bytes=base64.urlsafe_b64decode(token)[:16]))

    def base(self, listener):
        return f"http://127.0.0.1:{self.port[listener]}"

    def descriptors(self):
        """Open files and sockets but those of the embedded database, which opens more as it needs them."""
        folder, count = f"/proc/{self.pid}/fd", 0
        for name in os.listdir(folder):
            try:
                count += "attachlink.db" not in os.readlink(f"{folder}/{name}")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def metric(self, series):
        """One series of /metrics, by its name and labels."""
        text = self.ask("ops", "GET", "/metrics")[1].decode()
        return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{series} "))

    def resident_octets(self):
        return processes.memory_octets(self.pid, "VmRSS")
