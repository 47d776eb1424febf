"""The sample for HAProxy: it is accepted without a word, and keeps paths out of its log."""

import re
import subprocess

from . import shipped

HAPROXY = "deploy/haproxy.cfg"
# What a log would be written with that holds paths: the request's line, and formats that have it.
WITH_PATHS = re.compile(r"%r\b|%H[PUQ]|option (?:http|tcp|https)log|\bpath\b|\burl\b")


def check_haproxy():
    """Returns the version that accepts it."""
    checked = subprocess.run(
        ["haproxy", "-c", "-f", shipped.ROOT / HAPROXY], capture_output=True, text=True, timeout=60
    )
    said = (checked.stdout + checked.stderr).strip()
    assert checked.returncode == 0 and said == "Configuration file is valid", f"haproxy says of {HAPROXY}: {said}"
    lines = [line.split("#")[0] for line in (shipped.ROOT / HAPROXY).read_text().splitlines()]
    found = [line.strip() for line in lines if WITH_PATHS.search(line)]
    assert not found, f"{HAPROXY} writes paths: {found}"
    version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, timeout=60).stdout
    return " ".join(version.split()[:3])
