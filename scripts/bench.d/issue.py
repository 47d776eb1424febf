"""Row issue: links issued by notifications, against the database's own inserts of the same rows."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time

import load
from contest import Contestant, Turns, told_apart
from fill import LINK_LIFETIME_SECONDS
from postgres import Postgres
from report import Line
from service import PROJECT, SITE, Service

# What a call issues, over how many connections at once, and what the line is called.
SHAPES = ((10, 50, 4, "10 attachments for 50 recipients"), (1, 1, 64, "one for one"))
LEAST_RATIO = 0.6
# pgbench opens its connections in that time too.
LEAST_SECONDS = 3
PATH = f"/projects/{PROJECT}/comments/c1/notifications"


def notification(attachments, recipients):
    return {
        "request": "SUP-42",
        "message_size": 48_211,
        "attachments": [f"a{number}" for number in range(attachments)],
        "recipients": [f"r-{number}" for number in range(recipients)],
    }


def issued_by(service, body):
    """How many links one call issues, by its own answer."""
    emails = service.call("POST", PATH, body)["emails"]
    return len({each["link_id"] for email in emails for each in email["attachments"] if each["rendering"] == "link"})


def caller(service, chosen, shape):
    """Notifications over the API as fast as they are answered."""
    attachments, recipients, connections, _ = shape
    body = notification(attachments, recipients)
    if issued_by(service, body) != attachments * recipients:
        raise SystemExit(f"scripts/bench: a notification does not issue {attachments * recipients} links")
    file = chosen.folder / f"body-{attachments}"
    file.write_text(json.dumps(body))
    paths = load.write_paths(chosen.folder, [f"/v1/sites/{SITE}{PATH}"])

    def one_round():
        result = load.wrk(service.port["api"], paths, connections, chosen.seconds, file, service.authorization())
        return result["per_second"] * attachments * recipients

    return one_round


def sqlite_inserts(path, chosen, rows):
    """The embedded database by itself: transactions of so many rows by one writer, synced as attachlink's are."""
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    names = [row[1] for row in connection.execute("PRAGMA table_info(links)")]
    like = dict(zip(names, connection.execute("SELECT * FROM links LIMIT 1").fetchone()))
    insert = f"INSERT INTO links ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"

    def made(count):
        milliseconds = int(time.time() * 1000).to_bytes(6, "big")
        ids = (milliseconds + os.urandom(10) for _ in range(count))
        return [tuple((like | {"link_id": link, "secret_hash": os.urandom(32)}).values()) for link in ids]

    def one_round():
        written = spent = 0
        until = time.monotonic() + chosen.seconds
        while time.monotonic() < until:
            batch, began = made(rows), time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, batch)
            connection.execute("COMMIT")
            written, spent = written + rows, spent + time.perf_counter() - began
        return written / spent

    return one_round


# Ids in the order of their time, as attachlink's are; random octets where it has a hash.
INSERT_ON_SERVER = """INSERT INTO links ({names})
    SELECT {values} FROM generate_series(1, {rows}) AS n, (SELECT * FROM links LIMIT 1) AS t;
"""
FRESH = {
    "link_id": "substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3 FOR 6) "
    "|| substring(uuid_send(gen_random_uuid()) FROM 1 FOR 10)",
    "secret_hash": "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())",
    "expires_at": f"extract(epoch FROM now())::bigint + {LINK_LIFETIME_SECONDS}",
}


def server_inserts(server, name, chosen, rows, clients):
    """PostgreSQL by itself: pgbench with as many clients, each inserting so many rows at once."""
    names = server.sql(
        "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = 'links'", name
    ).split(",")
    values = ", ".join(FRESH.get(column, f"t.{column}") for column in names)
    script = chosen.folder / f"insert-{rows}.sql"
    script.write_text(INSERT_ON_SERVER.format(names=", ".join(names), values=values, rows=rows))
    seconds = max(chosen.seconds, LEAST_SECONDS)
    more = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(script)]

    def one_round():
        done = subprocess.run(server.command("pgbench", name, *more), capture_output=True, text=True)
        found = re.search(r"tps = ([0-9.]+)", done.stdout)
        if done.returncode != 0 or not found:
            raise SystemExit(f"scripts/bench: pgbench: {done.stdout[-500:]}{done.stderr[-500:]}")
        return float(found[1]) * rows

    return one_round


def compare(chosen, title, service, inserts, bills):
    """`inserts` gives the database's own by the rows of a transaction and the clients."""
    service.set_up()
    for number in range(max(attachments for attachments, *_ in SHAPES)):
        service.upload("c1", f"a{number}", told_apart(number, 1000), 1000)
    for shape in SHAPES:
        attachments, recipients, connections, what = shape
        rounds = {"attachlink": caller(service, chosen, shape), "itself": inserts(attachments * recipients, connections)}
        contestants = [Contestant(name, 0, [], None, bills) for name in rounds]
        turns = Turns(contestants).run(chosen.pairs, lambda one: {"per_second": rounds[one.name](), "per": 1})
        rates = [turns.figures(name, "per_second") for name in rounds]
        yield Line("issue", f"links issued, {title}, {what}", "/s", *rates, f"{title}'s own inserts", ("≥", LEAST_RATIO))


def measure(chosen):
    """On both databases, in the service's own."""
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data"))
        database = chosen.folder / "data" / "attachlink.db"
        yield from compare(chosen, "SQLite", service, lambda rows, _: sqlite_inserts(database, chosen, rows), {})
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())
        settings = server.database("issue")
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data-server", **settings))
        yield from compare(
            chosen, "PostgreSQL", service, lambda rows, clients: server_inserts(server, "issue", chosen, rows, clients), {}
        )
