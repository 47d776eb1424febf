"""Contestants that take turns, and what each of their rounds cost."""

import contextlib
import functools
import hashlib
from dataclasses import dataclass

import load
import processes


@dataclass
class Contestant:
    """Something that serves files at `paths` on a port of this machine."""

    name: str
    port: int
    paths: list
    # What each path has to give: the octets and their SHA-256.
    expected: callable
    # Whose processor time is read, by name: lists of process ids. "server" is what the row is about.
    bills: dict
    folder: object = None
    # Gives what a round asks for in turn, by its number; else it is all of `paths`.
    draw: callable = None
    # Whether a link with another secret is refused.
    guarded: bool = True
    # Whether its answers have to guard the browser, as attachlink's always have to.
    guards: bool = False
    round: int = 0

    @functools.cached_property
    def answer_octets(self):
        return load.answer_octets(self)

    @contextlib.contextmanager
    def paths_file(self):
        """What wrk reads for this round."""
        file = load.write_paths(self.folder, self.draw(self.round) if self.draw else self.paths)
        yield file
        file.unlink()

    def cpu(self):
        return {name: processes.cpu_seconds(*pids) for name, pids in self.bills.items()}


def told_apart(number, octets):
    """The bytes of a small object: each number its own."""
    return (hashlib.sha256(b"%d" % number).digest() * (octets // 32 + 1))[:octets]


def expect(files):
    """What to compare with, from the bytes of each path."""
    known = {path: (len(body), hashlib.sha256(body).hexdigest()) for path, body in files.items()}
    return known.__getitem__


class Turns:
    """Rounds of several contestants, A B A B."""

    def __init__(self, contestants):
        self.contestants = {contestant.name: contestant for contestant in contestants}
        self.rounds = {name: [] for name in self.contestants}

    def run(self, pairs, measure):
        """`measure` is asked for a dict of figures for each contestant in turn; `per` in it is what CPU is divided by."""
        for number in range(1, pairs + 1):
            for name, contestant in self.contestants.items():
                contestant.round = number
                before = contestant.cpu()
                result = measure(contestant)
                cpu = {who: seconds - before[who] for who, seconds in contestant.cpu().items()}
                result["cpu"] = {who: seconds / result["per"] for who, seconds in cpu.items()}
                self.rounds[name].append(result)
        return self

    def figures(self, name, figure, who="server", scale=1):
        """One figure of all rounds of a contestant; `cpu` of whom."""
        if figure == "cpu":
            return [result["cpu"][who] * scale for result in self.rounds[name]]
        if figure == "all cpu":
            return [sum(result["cpu"].values()) * scale for result in self.rounds[name]]
        return [result[figure] * scale for result in self.rounds[name]]
