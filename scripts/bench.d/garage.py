"""Garage, a genuine S3 server, as scripts/test --genuine has built it."""

import os
import secrets
import sqlite3
import subprocess
from pathlib import Path

import processes
from service import s3_settings

VERSION = "2.5.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "attachlink"
PROGRAM = CACHE / f"garage-{VERSION}" / "bin" / "garage"
BUCKET, WEB_ROOT = "bench", ".web.garage"

CONFIGURATION = """
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"
[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:{s3}"
[s3_web]
bind_addr = "127.0.0.1:{web}"
root_domain = "{root}"
"""


class Garage(processes.Server):
    """One node without replication, and a bucket whose objects are also on the web; a context manager."""

    web_host = BUCKET + WEB_ROOT

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.file = folder, folder / "garage.toml"
        self.port, self.web_port, rpc = processes.free_ports(3)
        secret = secrets.token_hex(32)
        text = CONFIGURATION.format(folder=folder, rpc=rpc, secret=secret, s3=self.port, web=self.web_port, root=WEB_ROOT)
        self.file.write_text(text)

    def __enter__(self):
        command = [PROGRAM, "-c", self.file, "server"]
        self.process = processes.Process(command, self.folder / "log", lambda: processes.listens(self.port))
        self.process.__enter__()
        try:
            self.set_up()
        except BaseException:
            self.process.__exit__()
            raise
        return self

    def say(self, *words):
        done = subprocess.run([PROGRAM, "-c", self.file, *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"scripts/bench: garage {words[0]}: {done.stderr[-500:]}")
        return done.stdout

    def set_up(self):
        node = self.say("node", "id", "-q").strip().split("@")[0]
        self.say("layout", "assign", "--zone", "here", "--capacity", "1G", node)
        self.say("layout", "apply", "--version", "1")
        lines = [line.partition(":") for line in self.say("key", "create", "bench").splitlines()]
        key = {name.strip(): value.strip() for name, _, value in lines}
        self.key = key["Key ID"], key["Secret key"]
        self.say("bucket", "create", BUCKET)
        self.say("bucket", "allow", "--read", "--write", BUCKET, "--key", self.key[0])
        self.say("bucket", "website", "--allow", BUCKET)

    def settings(self):
        """What attachlink needs to use it."""
        return s3_settings(BUCKET, self.port, "garage", *self.key)


def keys_of(database):
    """Under which keys attachlink has put the bytes of its attachments, by their names."""
    connection = sqlite3.connect(database)
    keys = dict(connection.execute("SELECT attachment, object_key FROM attachments"))
    connection.close()
    return keys
