"""What is shipped to run attachlink: compose files, as Compose reads them, and the image's Dockerfile."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = "docker-compose.yml"
EMBEDDED = "deploy/compose.embedded.yml"
TLS = "deploy/compose.tls.yml"
REPLICAS = "replicas"
PUBLIC_URL = "https://files.acme.example"
# Where Compose puts secrets in a container.
SECRETS = "/run/secrets/"


def copy_to(directory):
    """A copy of what compose files name, in which secrets can be made."""
    directory = Path(directory)
    shutil.copytree(ROOT / "deploy", directory / "deploy", ignore=shutil.ignore_patterns("secrets", ".env"))
    for name in [PRODUCTION, "Dockerfile"]:
        shutil.copy2(ROOT / name, directory / name)
    return directory


def model(compose, directory, *files, profiles=(), **variables):
    """What `docker compose config` makes of one file or several; it refuses what is not in its schema."""
    named = [argument for file in files for argument in ("--file", str(Path(directory) / file))]
    named += [argument for profile in profiles for argument in ("--profile", profile)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATTACHLINK_", "COMPOSE_"))}
    command = [compose, *named, "config", "--format", "json"]
    done = subprocess.run(command, env=kept | variables, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"docker compose refuses {files}: {done.stderr.strip()}")
    # Compose says what it ignores on standard error, and goes on.
    assert not done.stderr.strip(), f"docker compose says of {files}: {done.stderr.strip()}"
    return json.loads(done.stdout)


def production(compose, directory, *also):
    """All services of the production set-up, with the profile for replicas; `also` are files that change it."""
    return model(compose, directory, PRODUCTION, *also, profiles=[REPLICAS], ATTACHLINK_PUBLIC_URL=PUBLIC_URL)


def embedded(compose, directory):
    """The one service of the embedded set-up."""
    return model(compose, directory, EMBEDDED, ATTACHLINK_PUBLIC_URL=PUBLIC_URL)


class Image:
    """What the Dockerfile says of the image."""

    def __init__(self, text):
        self.text = text
        last = re.split(r"^FROM ", text, flags=re.M)[-1]
        self.base = last.split(maxsplit=1)[0]
        self.environment = dict(re.findall(r"\b(ATTACHLINK_\w+)=(\S+)", last))
        self.command = [*self._json(r"^ENTRYPOINT (\[.*\])", last), *self._json(r"^CMD (\[.*\])", last)]
        self.healthcheck = self._json(r"^HEALTHCHECK .* CMD (\[.*\])", last)
        self.user = re.search(r"^USER (\S+)", last, re.M).group(1)
        self.exposed = set(re.search(r"^EXPOSE (.*)", last, re.M).group(1).split())
        self.volume = re.search(r"^VOLUME (\S+)", last, re.M).group(1)

    @staticmethod
    def _json(pattern, text):
        return json.loads(re.search(pattern, text, re.M).group(1))

    @classmethod
    def shipped(cls):
        return cls((ROOT / "Dockerfile").read_text())
