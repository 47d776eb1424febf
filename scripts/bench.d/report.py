"""Rows of measurements, and the page they go to."""

import os
import platform
import statistics
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone

PAGE = """# Benchmarks

Made by `{command}`; do not edit. Each number is the median of its rounds, with the lowest and the highest in
brackets. Client and server share one machine and the loopback interface, so the client's work is in every number:
compare rows with rows of other commits on the same machine, not with other services.

| | |
|---|---|
| date | {date} |
| commit | {commit} |
| machine | {machine} |
| system | {system} |
| compiler | {compiler} |

| what | median | lowest – highest | target | notes |
|---|---:|---:|---|---|
{rows}

## How

- Everything runs on the embedded default: SQLite with `synchronous=FULL` and a local directory, on the disk of the checkout.
- *Links issued*: `wrk` posts notifications. Each call is one transaction that is synced before it is answered.
- *Hot downloads*: `wrk` with 64 connections over 100 links to objects of 20 KB. Each download asks the database whether
  its link is alive.
- *Streaming*: `curl` to nowhere. CPU time is the server's own, user and system, from `/proc/PID/stat`.
- *Slow downloads*: 1,000 clients that read 10 KB a second of a 10 MB file, with receive buffers of 64 KB as a slow line
  would need. Memory per download is the growth of the server's resident memory (`VmRSS`) divided by their number; what
  the kernel holds for the sockets is told beside it.
- *Scale*: two services in turns, A and B, on the same links as above; B's database holds 100,000 attachments and a
  million links besides. The row *spread* asks B for links from all over the million.
"""


@dataclass
class Row:
    """One measurement: its rounds, in `unit`, and the target it has, if any (`("<", 256)`, `(">=", 0.85)`)."""

    what: str
    unit: str
    rounds: list
    notes: str = ""
    target: tuple = ()
    digits: int = field(default=None)

    def median(self):
        return statistics.median(self.rounds)

    def missed(self):
        if not self.target:
            return False
        sign, bound = self.target
        return not (self.median() < bound if sign == "<" else self.median() >= bound)

    def number(self, value):
        digits = self.digits if self.digits is not None else (0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2)
        return f"{value:,.{digits}f}"

    def cells(self):
        span = "" if len(self.rounds) < 2 else f"{self.number(min(self.rounds))} – {self.number(max(self.rounds))}"
        target = ""
        if self.target:
            sign, bound = self.target
            target = f"{'≥' if sign == '>=' else sign} {bound}: {'MISSED' if self.missed() else 'met'}"
        return [self.what, f"{self.number(self.median())} {self.unit}".strip(), span, target, self.notes]

    def line(self):
        what, median, span, target, notes = self.cells()
        return "  ".join(part for part in [f"{what}: {median}", f"[{span}]" if span else "", target, notes] if part)


def said_by(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def machine():
    """Processor and memory; nothing that names the machine."""
    with open("/proc/cpuinfo") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    with open("/proc/meminfo") as lines:
        memory = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal"))
    return f"{os.cpu_count()} processors ({models[0] if models else platform.machine()}), {memory / 2**20:.0f} GiB of memory"


def system():
    with open("/etc/os-release") as lines:
        names = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    return f"{names.get('PRETTY_NAME', 'Linux').strip(chr(34))}, Linux {'.'.join(platform.release().split('.')[:2])}"


def commit(root):
    name = said_by("git", "rev-parse", "--short=12", "HEAD", cwd=root)
    changed = said_by("git", "status", "--porcelain", "--untracked-files=no", cwd=root)
    return name + (" and changes" if changed and name != "unknown" else "")


def write(root, rows):
    """Writes docs/BENCHMARKS.md anew."""
    page = PAGE.format(
        command="scripts/bench --write",
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        commit=commit(root),
        machine=machine(),
        system=system(),
        compiler=said_by("rustc", "--version"),
        rows="\n".join("| " + " | ".join(row.cells()) + " |" for row in rows),
    )
    (root / "docs" / "BENCHMARKS.md").write_text(page)
    print("written: docs/BENCHMARKS.md")
