"""The same downloads on a small and on a large database, in turns."""

import base64
import hashlib
import os
import random
import sqlite3
import statistics
import time

from loads import hot_links, rounds, seconds, wrk
from report import Row
from service import Service

LIFETIME_SECONDS = 28 * 24 * 3600
ASKED_SPREAD = 20_000
LEAST_RATIO = 0.85


def columns(database, table):
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def template(database, table):
    """A row of the table that the service wrote itself, by column."""
    names = columns(database, table)
    row = database.execute(f"SELECT {', '.join(names)} FROM {table} LIMIT 1").fetchone()
    return dict(zip(names, row))


def insert(database, table, row, changes):
    """Inserts copies of `row` with what `changes` yields: dicts of the same columns each."""
    names = list(row)
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    database.executemany(statement, (tuple((row | change).values()) for change in changes))


def capability(unix_ms):
    """An id, a secret and the token of both (src/domain/token.rs)."""
    octets = bytearray(unix_ms.to_bytes(6, "big") + os.urandom(30))
    octets[6] = 0x70 | octets[6] & 0x0F
    octets[8] = 0x80 | octets[8] & 0x3F
    return bytes(octets[:16]), bytes(octets[16:]), "al1_" + base64.urlsafe_b64encode(octets).decode()


def fill(path, attachments, links):
    """Fills the database of a stopped service from rows of its own; returns paths of links from all over it."""
    database = sqlite3.connect(path)
    attachment, link, comment = (template(database, table) for table in ("attachments", "links", "comments"))
    needed = {"attachment_id", "comment", "attachment"} - set(attachment) | {"link_id", "secret_hash", "attachment_id", "expires_at"} - set(link)
    if needed:
        raise SystemExit(f"scripts/bench: the schema has changed, scale.py does not know it: {needed}")
    first = database.execute("SELECT max(attachment_id) FROM attachments").fetchone()[0] + 1
    named = [{"comment": f"c{n // 10}", "attachment": f"a{n % 10}", "attachment_id": first + n} for n in range(attachments)]
    insert(database, "comments", comment, ({"comment": f"c{n}", "request": None} for n in range((attachments + 9) // 10)))
    insert(database, "attachments", attachment, named)

    now_ms = int(time.time() * 1000)
    times = sorted(random.Random(1).randrange(now_ms - (LIFETIME_SECONDS - 86_400) * 1000, now_ms) for _ in range(links))
    every, spread = max(1, links // ASKED_SPREAD), []

    def rows():
        for number, unix_ms in enumerate(times):
            link_id, secret, token = capability(unix_ms)
            if number % every == 0:
                spread.append(f"/a/{token}")
            of = named[number * 7919 % attachments]
            yield of | {"link_id": link_id, "secret_hash": hashlib.sha256(secret).digest(), "expires_at": unix_ms // 1000 + LIFETIME_SECONDS}

    insert(database, "links", link, rows())
    database.commit()
    database.close()
    random.Random(2).shuffle(spread)
    return spread


def prepare(chosen, name):
    """A data directory with the hot links in it; their paths."""
    with Service(chosen.binary, chosen.folder / name) as service:
        return hot_links(service)


def measure(chosen):
    """A, the hot links alone; B, the same among a great many others."""
    attachments, links = (2_000, 20_000) if chosen.quick else (100_000, 1_000_000)
    hot = {name: prepare(chosen, name) for name in ("A", "B")}
    spread = fill(chosen.folder / "B" / "attachlink.db", attachments, links)
    with Service(chosen.binary, chosen.folder / "A") as small, Service(chosen.binary, chosen.folder / "B") as large:
        turns = {"A": (small, hot["A"]), "B": (large, hot["B"]), "spread": (large, spread)}
        for service, paths in turns.values():
            wrk(service, "public", paths, chosen.folder, 64, 2)
        rates = {name: [] for name in turns}
        for _ in range(1 if chosen.quick else rounds(chosen) + 2):
            for name, (service, paths) in turns.items():
                rates[name].append(wrk(service, "public", paths, chosen.folder, 64, seconds(chosen))["per_second"])
    ratio = statistics.median(rates["B"]) / statistics.median(rates["A"])
    yield Row("A: hot downloads, 100 attachments and links", "/s", rates["A"])
    yield Row(f"B: the same among {attachments:,} attachments and {links:,} links", "/s", rates["B"])
    yield Row("B to A", "", [ratio], "medians; A and B took turns", (">=", LEAST_RATIO))
    yield Row(f"spread: {len(spread):,} of B's links in turn", "/s", rates["spread"], "one object, many links")
