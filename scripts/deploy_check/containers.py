"""Services of a compose file, run without Docker: each in namespaces and a root directory of its own.

What Compose would ask of the engine is done as it would: read-only roots, tmpfs, volumes, mounted files, secrets,
users, capabilities, limits, networks and names. Published ports are not: callers use the container's own address. All
of it needs root, and happens in namespaces that end with the caller (scripts/rehearse-deploy).
"""

import os
import resource
import shlex
import signal
import subprocess
import time
from pathlib import Path

from . import compose_files, shipped
from .networks import NUMBERS, sh

PATIENCE_SECONDS = 60
POLL_SECONDS = 0.1


class Container:
    """One service. `image` gives its root directory, the command and variables that it has by itself, and its user."""

    def __init__(self, composition, name, image):
        self.composition, self.name, self.image = composition, name, image
        self.service = composition.model["services"][name]
        self.namespace, self.process, self.starts = f"c{next(NUMBERS)}", None, 0
        self.root, self.log = composition.work / name / "root", composition.work / name / "log"
        self.root.mkdir(parents=True)
        sh("ip", "netns", "add", self.namespace)
        sh("ip", "-n", self.namespace, "link", "set", "lo", "up")
        self._join()

    def _join(self):
        joined = sorted(compose_files.networks(self.service))
        self.addresses = {net: self.composition.networks[net].join(self.namespace, i) for i, net in enumerate(joined)}

    def _leave(self):
        for index in range(len(self.addresses)):
            sh("ip", "-n", self.namespace, "link", "delete", f"eth{index}")

    @property
    def address(self):
        """Where the machine reaches it."""
        return next(iter(self.addresses.values()))

    def user(self):
        return self.service.get("user") or self.image.user

    def variables(self):
        return {"PATH": os.environ["PATH"], **self.image.environment, **compose_files.environment(self.service)}

    def start(self):
        """Starts the process in its root; later starts are at new addresses. What it prints goes to the log."""
        self.starts += 1
        if self.starts > 1:
            self._leave()
            self._join()
        script = "\n".join(["set -e", *self._mounts(), *self._limits(), "exec " + shlex.join(self._command())])
        inside = ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "sh", "-c", script]
        with self.log.open("ab") as log:
            # The engine gives standard output to the user, who may open it anew.
            os.fchown(log.fileno(), *map(int, self.user().split(":")))
            self.process = subprocess.Popen(
                inside, env=self.variables(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.composition.tell_names()

    def _command(self):
        own = self.service.get("command") or []
        command = [*(self.service.get("entrypoint") or self.image.entrypoint), *(own or self.image.arguments)]
        return [*self._privileges(), "chroot", f"--userspec={self.user()}", "--groups=", str(self.root), *command]

    def _privileges(self):
        """Those that are dropped, but for the ones that it takes to get into the root and to be the user."""
        privileges = ["setpriv", "--no-new-privs"]
        if self.service.get("cap_drop"):
            privileges.append("--bounding-set=-all,+sys_chroot,+setuid,+setgid")
        return privileges

    def _limits(self):
        if "nofile" in (self.service.get("ulimits") or {}):
            # As far as this machine lets its root go.
            allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            yield f"ulimit -n {min(allowed, self.service['ulimits']['nofile'])}"

    def _mounts(self):
        """The commands that make the root directory, in the container's own mount namespace."""
        root = shlex.quote(str(self.root))
        yield from self.image.mount(self.root, self.root.parent)
        yield f"mount -t proc proc {root}/proc"
        yield f"mount --rbind /dev {root}/dev"
        yield f"mount -t tmpfs -o mode=0755 tmpfs {root}/run"
        for source, target in [*self._files(), (self.composition.hosts_of(self), "/etc/hosts")]:
            yield from bind(source, f"{self.root}{target}")
        for volume in self._volumes():
            yield from bind(
                self.composition.volume(volume["source"], self.image), f"{self.root}{volume['target']}", ":rw"
            )
        for target, _, options in (entry.partition(":") for entry in self.service.get("tmpfs") or []):
            yield f"mount -t tmpfs -o {options or 'mode=1777'} tmpfs {root}{target}"
        if self.service.get("read_only"):
            yield f"mount -o remount,bind,ro {root}"

    def _volumes(self):
        return [volume for volume in self.service.get("volumes") or [] if volume["type"] == "volume"]

    def _files(self):
        """What is mounted read-only: shipped files, and secrets with the owner and the mode that they have."""
        for volume in self.service.get("volumes") or []:
            if volume["type"] == "bind":
                yield volume["source"], volume["target"]
        for secret in self.service.get("secrets") or []:
            source = self.composition.model["secrets"][secret["source"]]["file"]
            yield source, secret.get("target", shipped.SECRETS + secret["source"])

    def run(self, *command):
        """What `docker compose exec` does: a command beside the process, in its namespaces, as its user."""
        uid, _, gid = self.user().partition(":")
        enter = [
            "nsenter",
            f"--target={self.process.pid}",
            "--net",
            "--mount",
            "--root",
            "--wd=/",
            f"--setuid={uid}",
            f"--setgid={gid}",
        ]
        return subprocess.run(
            [*enter, *command], env=self.variables(), capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )

    def healthy(self):
        """The health check of the compose file, once."""
        kind, *command = self.service["healthcheck"]["test"]
        assert kind == "CMD", kind
        return self.process.poll() is None and self.run(*command).returncode == 0

    def wait(self, condition):
        """Waits as the condition of a `depends_on` says."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if condition == "service_healthy" and self.healthy():
                return
            if condition == "service_completed_successfully" and self.process.poll() == 0:
                return
            assert self.process.poll() in (None, 0), (
                f"{self.name} ended with {self.process.poll()}: {self.printed()[-2000:]}"
            )
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{self.name} is not {condition}: {self.printed()[-2000:]}")

    def stop(self, signal_number=signal.SIGTERM):
        """Ends it; its address is gone from the names when it has ended."""
        self.process.send_signal(signal_number)
        self.process.wait(timeout=PATIENCE_SECONDS)
        self.composition.tell_names()

    def printed(self):
        return self.log.read_text(errors="replace")


def bind(source, target, mode=":ro"):
    """Mounts a file or directory at a place, which is made where the root has none."""
    source, place = Path(source), shlex.quote(str(target))
    if source.is_dir():
        yield f"mkdir -p {place}"
    else:
        yield f"mkdir -p {shlex.quote(str(Path(target).parent))}; [ -e {place} ] || : >{place}"
    yield shlex.join(["mount", "--bind", str(source), str(target)])
    if mode == ":ro":
        yield shlex.join(["mount", "-o", "remount,bind,ro", str(target)])
