"""Row scale: the same small downloads among a thousand attachments, and among a million with three million links."""

import contextlib
import hashlib
import itertools
import random

import fill
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
DRAWS = 300_000
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


def draws(links):
    """Which links are asked for, one after the other: few of them often, as of emails to many and to few."""
    chance = random.Random(SEED)
    drawn = chance.sample(range(links), min(DRAWN_LINKS, links))
    heaps = list(itertools.accumulate(rank**-ZIPF for rank in range(1, len(drawn) + 1)))
    return chance.choices(drawn, cum_weights=heaps, k=DRAWS)


def populate(chosen, database, attachments, links):
    """Fills the database; the paths to ask for in turn, and what each gives."""
    tokens = fill.Tokens(f"{attachments}-", links)
    first = fill.attachments(database, attachments, chosen.objects)
    fill.links(database, tokens, "attachment = 'a0'", of=(first, attachments))
    database.finish()
    numbers = draws(links)
    paths = {number: tokens.path(number) for number in set(numbers)}
    digests = [hashlib.sha256(told_apart(number, SMALL_OCTETS)).hexdigest() for number in range(chosen.objects)]
    of = {path: fill.attachment_of(number, attachments) % chosen.objects for number, path in paths.items()}
    return [paths[number] for number in numbers], lambda path: (SMALL_OCTETS, digests[of[path]])


def contestant(stack, chosen, name, data, settings, database, amounts):
    """A service with so many attachments and links; `database` is where they are put."""
    prepare(chosen, data, settings)
    sequence, expected = populate(chosen, database(), *amounts)
    service = stack.enter_context(Service(chosen.binary, data, **settings))
    return Contestant(name, service.port["public"], sequence, expected, {"server": [service.pid]}, chosen.folder)


def compare_sizes(chosen, title, make):
    """`make` gives a contestant by its name and its amounts of attachments and links."""
    many = MANY_IN_SHORT if chosen.quick else MANY
    turns = take_turns(chosen, [make("few", FEW), make("many", many)], CONNECTIONS)
    suffix = f"{title}, {many[0]:,} attachments, {many[1]:,} links"
    against = f"itself with {FEW[0]:,}"
    yield from compare(turns, "scale", ("many", "few"), suffix, ("≥", LEAST_RATIO), against=against, cpu="all cpu")


def measure(chosen):
    """On both databases."""
    chosen.objects = OBJECTS // 10 if chosen.quick else OBJECTS
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
