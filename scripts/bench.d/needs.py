"""What the rows need: taken from Debian's packages when missing and when root; else it says what to install."""

import glob
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

# Commands, or files; the package that brings each, and the rows that want it.
OF_ROWS = {
    "nginx": ("nginx-light", {"hot", "cache", "postgres", "s3-small", "garage", "large", "disk", "slow", "cut"}),
    "wrk": ("wrk", {"hot", "cache", "postgres", "scale", "s3-small", "garage", "slow", "issue"}),
    "/usr/lib/postgresql/*/bin/pgbench": ("postgresql", {"postgres", "scale", "issue", "revoke", "cut"}),
}

# What has cargo build each program, and the rows that run it, or all.
PROGRAMS = {
    "attachlink": (("build", "--release", "--bin"), None),
    "auth_request_peer": (("build", "--release", "--example"), {"postgres"}),
    "rules": (("bench", "--no-run", "--bench"), {"rules"}),
}
OPEN_FILES = 11_000


def is_there(command):
    return bool(glob.glob(command)) if command.startswith("/") else bool(shutil.which(command))


def missing(rows):
    """The packages to install for these rows."""
    return [package for command, (package, of) in OF_ROWS.items() if of & set(rows) and not is_there(command)]


def install(rows):
    """Everything is there before the first measurement starts."""
    # Where Debian has servers, and a user's path does not.
    os.environ["PATH"] += ":/usr/sbin"
    packages = missing(rows)
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"scripts/bench: needs what Debian calls: {' '.join(packages)}", file=sys.stderr)
        sys.exit(f"scripts/bench: install it as root: apt-get update && apt-get install -y {' '.join(packages)}")
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=variables)
    # Nobody asked for a web server: where one is new, it is not started (`systemctl unmask nginx` lets it).
    if "nginx-light" in packages and shutil.which("systemctl"):
        subprocess.run(["systemctl", "mask", "--quiet", "nginx"], check=False)
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    subprocess.run(command, check=True, env=variables)
    if still := missing(rows):
        sys.exit(f"scripts/bench: still missing after the installation: {' '.join(still)}")


def check_open_files(chosen):
    """The servers of row slow hold a connection to each client and one to the store for each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if "slow" in chosen.rows and not chosen.quick and hard < OPEN_FILES:
        needed = f"row slow needs {OPEN_FILES:,} open files in a process"
        sys.exit(f"scripts/bench: {needed}; the hard limit (ulimit -Hn) is {hard:,}")


def build(root, rows, folder, binary=None):
    """Release builds of what the rows run, copied into the folder: what is built meanwhile does not change them."""
    for name, (command, of) in PROGRAMS.items():
        if of and not of & set(rows) or name == "attachlink" and binary:
            continue
        shutil.copy2(built(root, command, name), folder / name)


def built(root, command, name):
    """Has cargo build a program, and says where it is."""
    command = ["cargo", *command, name, "--locked", "--message-format", "json-render-diagnostics"]
    said = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    made = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (path,) = [each["executable"] for each in made if each.get("executable") and each["target"]["name"] == name]
    return Path(path)
