"""Row scale: the same small downloads among a thousand attachments, and among a million with three million links."""

import contextlib
import hashlib
import itertools
import random

import fill
import load
from contest import Contestant, told_apart
from hot import SMALL_OCTETS, compare, take_turns
from postgres import Postgres
from service import Service

OBJECTS = 1000  # which attachments share; all of them fit into the cache
FEW = (1000, 3000)
MANY = (1_000_000, 3_000_000)
MANY_IN_SHORT = (20_000, 60_000)
DRAWN_LINKS = 100_000
ZIPF = 1.1
# More than a thread of wrk asks for.
DRAWS_A_SECOND = 150_000
CONNECTIONS = 64
LEAST_RATIO = 0.85
SEED = 1


def prepare(chosen, data, settings):
    """A data directory with the objects in it, and one link."""
    with Service(chosen.binary, data, **settings) as service:
        service.set_up()
        for number in range(chosen.objects):
            service.upload("hot", f"a{number}", told_apart(number, SMALL_OCTETS), SMALL_OCTETS)
        service.link("hot", "a0")


class Draws:
    """Which links are asked for, one after the other: few of them often, as of emails to many and to few.

    Numbers of the many links: of the few, each stands for several. It is said in the query too, which nobody reads, so that
    both are asked by requests that differ as often. Else the client had less to remember for the few: 8.1 us of CPU for
    one instead of 8.8, which is no doing of the server's.
    """

    def __init__(self, links):
        self.links = random.Random(SEED).sample(range(links), min(DRAWN_LINKS, links))
        self.heaps = list(itertools.accumulate(rank**-ZIPF for rank in range(1, len(self.links) + 1)))

    def of_round(self, number, count):
        """Each round's are its own, and the same for all contestants."""
        return random.Random(f"{SEED}-{number}").choices(self.links, cum_weights=self.heaps, k=count)


def populate(chosen, database, attachments, links):
    """Fills the database; the paths, those of a round by its number, and what each gives."""
    tokens = fill.Tokens(f"{attachments}-", links)
    first = fill.attachments(database, attachments, chosen.objects)
    fill.links(database, tokens, "attachment = 'a0'", of=(first, attachments))
    database.finish()
    draws, count = chosen.draws, DRAWS_A_SECOND * load.THREADS * chosen.seconds
    paths = {number: f"{tokens.path(number % links)}?{number}" for number in draws.links}
    digests = [hashlib.sha256(told_apart(number, SMALL_OCTETS)).hexdigest() for number in range(chosen.objects)]
    of = {path: fill.attachment_of(number % links, attachments) % chosen.objects for number, path in paths.items()}
    draw = lambda number: [paths[link] for link in draws.of_round(number, count)]  # noqa: E731
    return list(of), draw, lambda path: (SMALL_OCTETS, digests[of[path]])


def contestant(stack, chosen, name, data, settings, database, amounts):
    """A service with so many attachments and links; `database` is where they are put."""
    prepare(chosen, data, settings)
    paths, draw, expected = populate(chosen, database(), *amounts)
    service = stack.enter_context(Service(chosen.binary, data, **settings))
    bills = {"server": [service.pid]}
    return Contestant(name, service.port["public"], paths, expected, bills, chosen.folder, draw)


def compare_sizes(chosen, title, make):
    """`make` gives a contestant by its name and its amounts of attachments and links."""
    many = chosen.many
    turns = take_turns(chosen, [make("few", FEW), make("many", many)], CONNECTIONS)
    suffix = f"{title}, {many[0]:,} attachments, {many[1]:,} links"
    against = f"itself with {FEW[0]:,}"
    yield from compare(turns, "scale", ("many", "few"), suffix, ("≥", LEAST_RATIO), against=against, cpu="all cpu")


def measure(chosen):
    """On both databases."""
    chosen.objects, chosen.many = (OBJECTS // 10, MANY_IN_SHORT) if chosen.quick else (OBJECTS, MANY)
    chosen.draws = Draws(chosen.many[1])
    with contextlib.ExitStack() as stack:

        def embedded(name, amounts):
            data = chosen.folder / name
            return contestant(stack, chosen, name, data, {}, lambda: fill.Sqlite(data / "attachlink.db"), amounts)

        yield from compare_sizes(chosen, "SQLite", embedded)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())

        def on_server(name, amounts):
            settings, data = server.database(name), chosen.folder / f"{name}-on-server"
            each = contestant(stack, chosen, name, data, settings, lambda: fill.Server(server, name), amounts)
            each.bills["database"] = [server.pid]
            return each

        yield from compare_sizes(chosen, "PostgreSQL", on_server)
