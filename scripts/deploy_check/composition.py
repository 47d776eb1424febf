"""All services of a compose file, run without Docker (containers.py): their order, names and volumes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from . import compose_files
from .containers import Container
from .networks import Network

NAME_SERVER = "127.0.0.11"


class Composition:
    """All services of one model. `images` has an image for each name of one."""

    def __init__(self, model, work, images):
        self.model, self.work, self.containers = model, Path(work), {}
        self.work.mkdir()
        self.names = self.work / "names.json"
        used = {name for service in model["services"].values() for name in compose_files.networks(service)}
        self.networks = {name: Network(model["networks"].get(name) or {}) for name in sorted(used)}
        for name, service in model["services"].items():
            self.containers[name] = Container(self, name, images[service["image"].partition(":")[0]])
        self.tell_names()

    def __getitem__(self, name):
        return self.containers[name]

    def start(self):
        """`docker compose up`: each service once those that it depends on are as it wants them."""
        for name in self.containers:
            self._start(name)
        for container in self.containers.values():
            if container.service.get("healthcheck"):
                container.wait("service_healthy")

    def _start(self, name):
        container = self[name]
        if container.process:
            return
        for other, wait in (container.service.get("depends_on") or {}).items():
            self._start(other)
            self[other].wait(wait["condition"])
        container.start()
        self._name_server(container)

    def _name_server(self, container):
        """The engine's name server listens in each container; only nginx asks it here, others have /etc/hosts."""
        if container.image.asks_names and container.starts == 1:
            script = Path(__file__).with_name("names.py")
            subprocess.Popen(
                [
                    "nsenter",
                    f"--net=/run/netns/{container.namespace}",
                    sys.executable,
                    script,
                    NAME_SERVER,
                    "53",
                    self.names,
                ]
            )

    def tell_names(self):
        """Writes what the name server answers: who runs, and on which address."""
        found = compose_files.hosts(self.model["services"], self.networks)
        running = {
            host: [self[name].addresses[net] for name, net in places if self._runs(name)]
            for host, places in found.items()
        }
        beside = self.names.with_suffix(".new")
        beside.write_text(json.dumps(running))
        beside.rename(self.names)

    def _runs(self, name):
        process = self.containers[name].process if name in self.containers else None
        return process is not None and process.poll() is None

    def hosts_of(self, container):
        """Its /etc/hosts: those on its networks, and no others."""
        found = compose_files.hosts(self.model["services"], container.addresses)
        lines = [
            f"{self[name].addresses[net]} {host}"
            for host, places in found.items()
            for name, net in places
            if net in container.addresses
        ]
        file = self.work / container.name / "hosts"
        file.write_text("\n".join(["127.0.0.1 localhost", *lines]) + "\n")
        return file

    def volume(self, name, image):
        """A named volume: made at its first use, with the owner that the image gives the place."""
        directory = self.work / "volumes" / name
        if not directory.exists():
            directory.mkdir(parents=True)
            os.chown(directory, *image.volume_owner)
        return directory
