"""What files and manuals say of attachlink: settings and commands exist, each configuration is whole."""

import os
import re
import subprocess

from . import shipped
from .compose_files import environment

NAMING = [
    "Dockerfile",
    shipped.PRODUCTION,
    shipped.EMBEDDED,
    "deploy/attachlink.service",
    "docs/OPERATIONS.md",
    "README.md",
]
VARIABLE = re.compile(r"\bATTACHLINK_[A-Z0-9_]+")
# As a program in a container or a unit, in a sentence, or through the function `run` of docs/OPERATIONS.md.
CALL = re.compile(r'(?:(?:bin|[ \["])/attachlink(?:",)? |`attachlink |^run |`run )"?([a-z][a-z-]+)', re.M)
LISTENER_PORTS = {"public": "8080", "api": "8081", "ops": "9090"}


def run(binary, *arguments, **variables):
    """Runs a command of attachlink with these settings and no others; returns what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATTACHLINK_", "AWS_"))}
    done = subprocess.run([binary, *arguments], env=kept | variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(arguments)} with {variables}: {done.stderr or done.stdout}"
    return done.stdout


def check_configurations(binary, image, models, made):
    """The image's variables with those of each service that runs it are a configuration that check-config accepts."""
    for listener, port in LISTENER_PORTS.items():
        assert image.environment[f"ATTACHLINK_{listener.upper()}_LISTEN"] == f"0.0.0.0:{port}", listener
        assert port in image.exposed, f"{port} is not exposed"
    assert image.environment["ATTACHLINK_DATA_DIR"] == image.volume
    accepted = []
    for model in models:
        for name, service in model["services"].items():
            if service["image"] != "attachlink":
                continue
            variables = {key: value.replace(shipped.SECRETS, f"{made}/") for key, value in environment(service).items()}
            in_force = run(binary, "check-config", **(image.environment | variables))
            plain = [
                value for key, value in variables.items() if key.startswith("ATTACHLINK_") and not key.endswith("_FILE")
            ]
            for value in [*image.environment.values(), *plain]:
                assert value.rstrip("/") in in_force, f"check-config of {name} does not show {value}"
            accepted.append(f"{model['name']}/{name}")
    return accepted


def known_settings(binary):
    """Each setting has a line in check-config, by its key; those with a flag are in the help too."""
    in_force = run(binary, "check-config")
    keys = re.findall(r"^(?:# )?([a-z][a-z0-9_]*)(?: = | is not set)", in_force, re.M)
    known = set(VARIABLE.findall(run(binary, "serve", "--help") + in_force))
    known |= {f"ATTACHLINK_{key.upper()}" for key in keys} | {"ATTACHLINK_CONFIG"}
    return known | {f"{name}_FILE" for name in known}


def check_names(binary):
    """Every setting and command that is named anywhere exists."""
    texts = {name: (shipped.ROOT / name).read_text() for name in NAMING}
    known = known_settings(binary)
    unknown = {f"{name}: {v}" for name, text in texts.items() for v in VARIABLE.findall(text) if v not in known}
    assert not unknown, f"not settings of attachlink: {sorted(unknown)}"
    commands = set(re.findall(r"^  ([a-z-]+) ", run(binary, "--help"), re.M))
    called = {command for text in texts.values() for command in CALL.findall(text)}
    assert called <= commands, f"not commands of attachlink: {sorted(called - commands)}"
    assert {"serve", "healthcheck", "backup", "key"} <= called, f"commands found: {sorted(called)}"
    named = known & set(VARIABLE.findall(" ".join(texts.values())))
    return f"{len(texts)} files name {len(named)} settings and {len(called)} commands"


def check_paths():
    """Files of this project that the manuals name are there."""
    for name in ["README.md", "docs/OPERATIONS.md", shipped.PRODUCTION, shipped.EMBEDDED, shipped.TLS]:
        named = re.findall(r"(?<![\w/.])((?:deploy|docs|scripts)/[\w./-]*\w)", (shipped.ROOT / name).read_text())
        missing = {
            path
            for path in named
            if not (shipped.ROOT / path).exists()
            and path not in ("deploy/secrets", "deploy/.env")
            and not path.startswith("deploy/secrets/")
        }
        assert not missing, f"{name} names {sorted(missing)}, which is not there"
