"""The rules by themselves, measured by criterion (benches/rules.rs)."""

import json
import os
import subprocess

from report import Line


def measure(chosen):
    """Runs the benches and reads what criterion kept of them: the median and the bounds of its 95 % confidence."""
    seconds = ["--warm-up-time", "0.5", "--measurement-time", "1"] if chosen.quick else []
    variables = os.environ | {"CRITERION_HOME": str(chosen.folder)}
    subprocess.run([chosen.programs / "rules", "--bench", "--noplot", *seconds], cwd=chosen.root, env=variables, check=True)
    lines = []
    for about in sorted(chosen.folder.glob("**/new/benchmark.json")):
        name = json.loads(about.read_text())["full_id"]
        nanoseconds = json.loads((about.parent / "estimates.json").read_text())["median"]
        bounds = nanoseconds["confidence_interval"]
        rounds = [bounds["lower_bound"], nanoseconds["point_estimate"], bounds["upper_bound"]]
        lines.append(Line("rules", name, "ns", rounds))
    if not lines:
        raise SystemExit("scripts/bench: criterion left no estimates")
    return lines
