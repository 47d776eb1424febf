"""The rules by themselves, measured by criterion (benches/rules.rs)."""

import json
import os
import subprocess
import time
from pathlib import Path

from report import Row


def target_directory(root):
    """Where cargo builds."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or root / "target")


def measure(chosen):
    """Runs the benches and reads what criterion kept of them."""
    since = time.time()
    seconds = ["--warm-up-time", "0.5", "--measurement-time", "1"] if chosen.quick else []
    subprocess.run(["cargo", "bench", "--locked", "--bench", "rules", "--", "--noplot", *seconds], cwd=chosen.root, check=True)
    rows = []
    for about in sorted((target_directory(chosen.root) / "criterion").glob("**/new/benchmark.json")):
        if about.stat().st_mtime < since:
            continue
        name = json.loads(about.read_text())["full_id"]
        nanoseconds = json.loads((about.parent / "estimates.json").read_text())["median"]
        bounds = nanoseconds["confidence_interval"]
        rounds = [bounds["lower_bound"], nanoseconds["point_estimate"], bounds["upper_bound"]]
        rows.append(Row(name, "ns", rounds, "criterion; 95 % confidence", digits=0))
    if not rows:
        raise SystemExit("scripts/bench: criterion left no estimates")
    return rows
