"""A service to measure: started on free loopback ports, driven through its API, ended at the end."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import time
import urllib.parse

KEPT_OPEN = 16384  # files: a slow download needs two
START_SECONDS = 30
STOP_SECONDS = 45  # longer than the drain
SITE, PROJECT = "acme", "SUP"
LISTENERS = ("public", "api", "ops")


def free_ports(count):
    """Ports that nobody listens on, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def keep_many_files_open():
    """Raises this process's limit of open files, as far as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = KEPT_OPEN if hard == resource.RLIM_INFINITY else min(KEPT_OPEN, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Service:
    """`attachlink serve` on a data directory of its own; a context manager."""

    def __init__(self, binary, data, **settings):
        self.binary, self.data, self.settings = str(binary), data, settings
        self.process = None

    def __enter__(self):
        self.port = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        variables = {name: value for name, value in os.environ.items() if not name.startswith("ATTACHLINK_")}
        variables |= {f"ATTACHLINK_{name.upper()}_LISTEN": f"127.0.0.1:{port}" for name, port in self.port.items()}
        variables |= {"ATTACHLINK_DATA_DIR": str(self.data), "ATTACHLINK_LOG": "warn"}
        # All clients are this machine.
        settings = {"max_connections_per_client": 0} | self.settings
        variables |= {f"ATTACHLINK_{name.upper()}": str(value) for name, value in settings.items()}
        self.log = open(f"{self.data}.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve"], env=variables, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=keep_many_files_open,
        )
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def wait_until_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                if self.ask("ops", "GET", "/readyz")[0] == 200:
                    self.key = (self.data / "first-api-key").read_text().strip()
                    return
            except OSError:
                pass
            time.sleep(0.05)
        with open(f"{self.data}.log") as said:
            raise SystemExit(f"scripts/bench: the service is not ready:\n{said.read()[-2000:]}")

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
        self.call("PUT", "", {"plan": "enterprise", "safe_notifications": False, "portal_url": portal, "object_prefix": "acme"})
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

    def base(self, listener):
        return f"http://127.0.0.1:{self.port[listener]}"

    def cpu_seconds(self):
        """User and system time so far (proc_pid_stat(5), fields 14 and 15)."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        """Open files and sockets but those of the embedded database, which opens more as it needs them."""
        folder, count = f"/proc/{self.process.pid}/fd", 0
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
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
