"""Row issue: links issued by notifications, against the database's own inserts of the same rows."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time

import fill
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
SETTLING_SECONDS = 0.2
COUNT = "SELECT count(*) FROM links"
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
    """Notifications over the API as fast as they are answered.

    Of this and of the database's own: how many links a second, and how many at least and at most."""
    attachments, recipients, connections, _ = shape
    body = notification(attachments, recipients)
    if issued_by(service, body) != attachments * recipients:
        raise SystemExit(f"scripts/bench: a notification does not issue {attachments * recipients} links")
    file = chosen.folder / f"body-{attachments}"
    file.write_text(json.dumps(body))
    paths = load.write_paths(chosen.folder, [f"/v1/sites/{SITE}{PATH}"])

    def one_round():
        result = load.wrk(service.port["api"], paths, connections, chosen.seconds, file, service.authorization())
        calls = result["requests"], result["requests"] + result["under_way"]
        return result["per_second"] * attachments * recipients, [each * attachments * recipients for each in calls]

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
        return written / spent, [written, written]

    return one_round


# Rows made beforehand, in blocks of a transaction each. Ids in the order of their time, as attachlink's are; random octets
# where it has a hash. Not logged, and nothing of them is left to be written when the round begins.
MAKE_ROWS = """DROP TABLE IF EXISTS made;
CREATE UNLOGGED TABLE made WITH (autovacuum_enabled = false) AS SELECT {values}, n / {rows} AS block
    FROM generate_series(0, {blocks}::bigint * {rows} - 1) AS n, (SELECT * FROM links LIMIT 1) AS t;
CREATE INDEX ON made (block);
VACUUM ANALYZE made;
"""
FRESH = {
    "link_id": "substring(int8send((extract(epoch FROM now()) * 1000)::bigint + n / {rows}) FROM 3 FOR 6) "
    "|| substring(uuid_send(gen_random_uuid()) FROM 1 FOR 10)",
    "secret_hash": "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())",
    "expires_at": f"extract(epoch FROM now())::bigint + {LINK_LIFETIME_SECONDS}",
}
# Each client takes every so many-th block.
INSERT_MADE = """\\set turn :turn + 1
\\set block :turn * :clients + :client_id
INSERT INTO links ({names}) SELECT {names} FROM made WHERE block = :block;
"""
# More than any server commits.
MADE_A_SECOND = 40_000


# Transactions of each client in one round.
COPIED_BLOCKS, COPIED_BLOCKS_IN_SHORT = 150, 20


def server_copies(server, name, chosen, rows, clients):
    """PostgreSQL by itself: as many of its own clients, which send rows made beforehand in transactions of so many (`COPY`)."""
    names = fill.Server(server, name).columns("links")
    blocks = COPIED_BLOCKS_IN_SHORT if chosen.quick else COPIED_BLOCKS

    def write(file, like):
        milliseconds = int(time.time() * 1000).to_bytes(6, "big")
        expires_at = str(int(time.time()) + LINK_LIFETIME_SECONDS)
        with open(file, "w") as out:
            for _ in range(blocks):
                out.write(f"COPY links ({', '.join(names)}) FROM STDIN;\n")
                for _ in range(rows):
                    made = os.urandom(42)
                    fresh = {"link_id": milliseconds + made[:10], "secret_hash": made[10:]}
                    fresh = {column: f"\\\\x{octets.hex()}" for column, octets in fresh.items()}
                    out.write("\t".join((like | fresh | {"expires_at": expires_at}).values()) + "\n")
                out.write("\\.\n")

    def one_round():
        like = server.sql(f"COPY (SELECT {', '.join(names)} FROM links LIMIT 1) TO STDOUT", name)
        like = dict(zip(names, like.split("\t"), strict=True))
        files = [chosen.folder / f"copy-{client}.sql" for client in range(clients)]
        for file in files:
            write(file, like)
        os.sync()
        began = time.perf_counter()
        commands = [server.command("psql", name, "-Xq", "-v", "ON_ERROR_STOP=1", "-f", str(file)) for file in files]
        running = [subprocess.Popen(command) for command in commands]
        if any([client.wait() for client in running]):
            raise SystemExit("scripts/bench: psql could not copy")
        written = clients * blocks * rows
        return written / (time.perf_counter() - began), [written, written]

    return one_round


def server_inserts(server, name, chosen, rows, clients):
    """PostgreSQL by itself: pgbench with as many clients, each inserting so many rows at once, made beforehand; many of them
    are sent with `COPY` instead, the way in which it takes them fastest."""
    if rows > 1:
        return server_copies(server, name, chosen, rows, clients)
    columns = fill.Server(server, name).columns("links")
    seconds = max(chosen.seconds, LEAST_SECONDS)
    values = ", ".join(f"{FRESH.get(column, f't.{column}')} AS {column}" for column in columns)
    make = MAKE_ROWS.format(values=values, blocks=MADE_A_SECOND * seconds // rows, rows="{rows}").format(rows=rows)
    script = chosen.folder / f"insert-{rows}.sql"
    script.write_text(INSERT_MADE.format(names=", ".join(columns)))
    more = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(script)]
    more += ["-D", "turn=-1", "-D", f"clients={clients}"]

    def one_round():
        server.sql(make, name)
        os.sync()
        done = subprocess.run(server.command("pgbench", name, *more), capture_output=True, text=True)
        rate = re.search(r"tps = ([0-9.]+)", done.stdout)
        count = re.search(r"actually processed: (\d+)", done.stdout)
        if done.returncode != 0 or not rate or not count:
            raise SystemExit(f"scripts/bench: pgbench: {done.stdout[-500:]}{done.stderr[-500:]}")
        return float(rate[1]) * rows, [int(count[1]) * rows] * 2

    return one_round


def settled(count):
    """The count when nothing more comes: calls that wrk did not wait for may still be under way."""
    last = None
    while (now := count()) != last:
        last = now
        time.sleep(SETTLING_SECONDS)
    return now


def counted(one_round, name, count):
    """The links a second of a round; the table has to have grown by as many as it says."""
    before = count()
    per_second, (least, most) = one_round()
    grown = settled(count) - before
    if not least <= grown <= most:
        raise SystemExit(f"scripts/bench: {name}: {least:,} to {most:,} links were issued, and there are {grown:,} more")
    return {"per_second": per_second, "per": 1}


def compare(chosen, title, service, inserts, count):
    """`inserts` gives the database's own by the rows of a transaction and the clients; `count` how many links there are."""
    service.set_up()
    for number in range(max(attachments for attachments, *_ in SHAPES)):
        service.upload("c1", f"a{number}", told_apart(number, 1000), 1000)
    for shape in SHAPES:
        attachments, recipients, connections, what = shape
        rounds = {"attachlink": caller(service, chosen, shape), "itself": inserts(attachments * recipients, connections)}
        contestants = [Contestant(name, 0, [], None, {}) for name in rounds]
        turns = Turns(contestants).run(chosen.pairs, lambda one: counted(rounds[one.name], one.name, count))
        rates = [turns.figures(name, "per_second") for name in rounds]
        yield Line("issue", f"links issued, {title}, {what}", "/s", *rates, f"{title}'s own inserts", ("≥", LEAST_RATIO))


def measure(chosen):
    """On both databases, in the service's own."""
    with Service(chosen.binary, chosen.folder / "data") as service:
        path = chosen.folder / "data" / "attachlink.db"
        embedded = fill.Sqlite(path)
        count = lambda: embedded.number(COUNT)  # noqa: E731
        yield from compare(chosen, "SQLite", service, lambda rows, _: sqlite_inserts(path, chosen, rows), count)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())
        settings = server.database("issue")
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data-server", **settings))
        inserts = lambda rows, clients: server_inserts(server, "issue", chosen, rows, clients)  # noqa: E731
        count = lambda: fill.Server(server, "issue").number(COUNT)  # noqa: E731
        yield from compare(chosen, "PostgreSQL", service, inserts, count)
