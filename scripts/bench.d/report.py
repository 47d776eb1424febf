"""Lines of the table, and the page they go to."""

import json
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

HEADS = ("row", "what", "attachlink", "against", "theirs", "ratio", "goal", "")
ALIGNED = "|---|---|---:|---|---:|---:|---|---|"


@dataclass
class Line:
    """One figure: its rounds, those of whom it is compared with, and the goal that it has, if any."""

    row: str
    what: str
    unit: str
    ours: list
    theirs: list = None
    against: str = ""
    goal: tuple = ()  # ("≥", 0.95)
    # What the goal is about: the "ratio" of each pair of rounds, the "difference" of each, or our rounds "alone".
    by: str = "ratio"
    # The median of these counts, or the worst of them all.
    counts: callable = statistics.median

    def judged(self):
        if self.theirs is None or self.by == "alone":
            return self.ours
        if self.by == "difference":
            return [ours - theirs for ours, theirs in zip(self.ours, self.theirs)]
        return [ours / theirs if theirs else float("inf") for ours, theirs in zip(self.ours, self.theirs)]

    def missed(self):
        if not self.goal:
            return False
        sign, bound = self.goal
        counted = self.counts(self.judged())
        return not (counted >= bound if sign == "≥" else counted <= bound)

    def cells(self):
        ours = spread(self.ours, self.unit, self.counts)
        theirs = "" if self.theirs is None else spread(self.theirs, self.unit, self.counts)
        ratio = ""
        if self.theirs is not None and self.by != "alone":
            ratio = spread(self.judged(), self.unit if self.by == "difference" else "")
        goal, outcome = "", ""
        if self.goal:
            unit = "" if self.by == "ratio" or not self.unit else f" {self.unit}"
            most = ", always" if self.counts is max else ""
            goal = f"{self.goal[0]} {number(self.goal[1], whole=True)}{unit}{most}"
            outcome = "MISSED" if self.missed() else "met"
        return [self.row, self.what, ours, self.against, theirs, ratio, goal, outcome]


def number(value, whole=False):
    """Three digits or so; bounds as they were written."""
    if whole or not value:
        return f"{value:,.10g}"
    size = abs(value)
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3}f}"


def spread(rounds, unit, counts=statistics.median):
    """The figure that counts, and the lowest and the highest where there are several."""
    text = f"{number(counts(rounds))} {unit}".strip()
    return text if len(rounds) < 2 else f"{text} [{number(min(rounds))}–{number(max(rounds))}]"


def table(lines):
    """The table for a terminal."""
    rows = [list(HEADS)] + [line.cells() for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def said_by(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else "unknown"


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
    # But for what --write has written.
    written = [f":!docs/{name}" for name in ("BENCHMARKS.md", "benchmarks.json")]
    changed = said_by("git", "status", "--porcelain", "--untracked-files=no", "--", ".", *written, cwd=root)
    return name + (" and changes" if changed and name != "unknown" else "")


class Page:
    """docs/BENCHMARKS.md: the template, what people found out and wrote down, and of each row what was last measured, which
    docs/benchmarks.json keeps. What is said about a run was so at its start, when it was said what is measured."""

    def __init__(self, root, order):
        here = Path(__file__).parent
        self.file, self.template = root / "docs" / "BENCHMARKS.md", (here / "page.md").read_text()
        self.results, self.order = root / "docs" / "benchmarks.json", order
        self.findings = (here / "findings.md").read_text().strip()
        self.date, self.commit = datetime.now(timezone.utc).strftime("%Y-%m-%d"), commit(root)
        self.machine = machine()
        self.where = {
            "system": system(),
            "nginx": said_by("nginx", "-v").removeprefix("nginx version: "),
            "compiler": said_by("rustc", "--version", cwd=root),
        }

    def add(self, row, lines, steal):
        """Writes a row that was measured, in the place of what it was before."""
        kept = json.loads(self.results.read_text()) if self.results.exists() else {}
        # A row is of one run, so rows of two machines may stand side by side; those of two systems may not.
        rows = kept["rows"] if kept.get("where") == self.where else {}
        rows[row] = {
            "date": self.date,
            "commit": self.commit,
            "machine": self.machine,
            "steal": f"{steal:.1f} %",
            "lines": [line.cells() for line in lines],
        }
        rows = {name: rows[name] for name in self.order if name in rows}
        self.results.write_text(json.dumps({"where": self.where, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
        self.write(rows)

    def write(self, rows):
        table = [f"| {' | '.join(HEADS)} |", ALIGNED]
        table += [f"| {' | '.join(cells)} |" for row in rows.values() for cells in row["lines"]]
        of_run = ("date", "commit", "machine", "steal")
        runs = [f"| {name} | {' | '.join(row[each] for each in of_run)} |" for name, row in rows.items()]
        text = self.template.format(**self.where, runs="\n".join(runs), table="\n".join(table), findings=self.findings)
        self.file.write_text(text)
