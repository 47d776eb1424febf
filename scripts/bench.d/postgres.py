"""A PostgreSQL server of the run's own, with the settings of a careful operator: everything synced."""

import glob
import os
import pwd
import signal
import subprocess
import tempfile
from pathlib import Path

import processes

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": 300,
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}


def programs():
    """The newest version's, as Debian lays them out."""
    found = glob.glob("/usr/lib/postgresql/*/bin/pgbench")
    return Path(max(found, key=lambda path: int(path.split("/")[4]))).parent


def server_user():
    """PostgreSQL refuses to run as root: then another user runs it."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres(processes.Server):
    """A server; a context manager. Its folder is not the run's: another user has to get there."""

    def __enter__(self):
        self.user, self.programs = server_user(), programs()
        self.folder = tempfile.TemporaryDirectory(dir="/var/tmp", prefix="attachlink-bench-")
        if self.user:
            os.chown(self.folder.name, self.user["user"], self.user["group"])
        (self.port,) = processes.free_ports(1)
        try:
            self.start(Path(self.folder.name))
        except BaseException:
            self.folder.cleanup()
            raise
        return self

    def start(self, folder):
        data = folder / "data"
        initdb = [self.programs / "initdb", f"--pgdata={data}", "--username=postgres", "--auth=trust"]
        initdb += ["--encoding=UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.user)
        command = [self.programs / "postgres", "-D", data, "-p", self.port, "-k", folder]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT ends it without waiting for its clients.
        self.process = processes.Process(
            command, folder / "log", lambda: self.sql("SELECT 1") == "1", user=self.user, ended_by=signal.SIGINT
        )
        self.process.__enter__()

    def __exit__(self, *_):
        try:
            super().__exit__()
        finally:
            self.folder.cleanup()

    def command(self, program, database, *more):
        """One of PostgreSQL's own clients."""
        return [str(self.programs / program), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", *more, database]

    def sql(self, text, database="postgres"):
        """What psql prints, without heads."""
        command = self.command("psql", database, "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-")
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode == 2:
            raise ConnectionError(done.stderr)
        if done.returncode != 0:
            raise SystemExit(f"scripts/bench: psql: {done.stderr[-1000:]}")
        return done.stdout.strip()

    def database(self, name):
        """A fresh database; the settings of a service on it."""
        self.sql(f'CREATE DATABASE "{name}"')
        return {"database_url": self.url(name)}

    def url(self, name):
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}?sslmode=disable"
