"""What the rows need: taken from Debian's packages when missing and when root; else it says what to install."""

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Commands, or files; the package that brings each, and the rows that want it.
OF_ROWS = {
    "nginx": ("nginx-light", {"hot", "cache", "postgres", "s3-small", "garage", "large", "disk", "slow"}),
    "wrk": ("wrk", {"hot", "cache", "postgres", "scale", "s3-small", "garage", "slow", "issue"}),
    "/usr/lib/postgresql/*/bin/pgbench": ("postgresql", {"postgres", "scale", "issue", "revoke", "cut"}),
}


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


def target_directory(root):
    """Where cargo builds."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or root / "target")


def build(root, *what):
    """A release build of the service or of an example; where it lies."""
    subprocess.run(["cargo", "build", "--release", "--locked", *what], cwd=root, check=True)
    return target_directory(root) / "release"
