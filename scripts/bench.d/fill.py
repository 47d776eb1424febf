"""Fills the database of a stopped service with copies of rows that it wrote itself, on either database."""

import base64
import hashlib
import sqlite3
import time

LINK_LIFETIME_SECONDS = 28 * 24 * 3600
# The oldest of them live for another day.
OLDEST_SECONDS = LINK_LIFETIME_SECONDS - 86_400
PER_COMMENT = 10
# Attachments are spread over the links by steps of this prime.
STEP = 7919


class Tokens:
    """Tokens of links number 0 to `count` - 1, in the order of their time; the same in Python as in SQL."""

    def __init__(self, seed, count):
        self.seed, self.count = seed, count
        self.start_ms = int((time.time() - OLDEST_SECONDS) * 1000)
        self.step_ms = max(1, (OLDEST_SECONDS - 60) * 1000 // max(1, count))

    def unix_ms(self, number):
        return self.start_ms + number * self.step_ms

    def octets(self, number):
        """The id, a UUIDv7, and the secret (src/domain/token.rs)."""
        digest = hashlib.sha256(f"{self.seed}{number}".encode()).digest()
        return self.unix_ms(number).to_bytes(6, "big") + b"\x70\x00\x80" + digest[:7], digest[7:27]

    def path(self, number):
        return "/a/al1_" + base64.urlsafe_b64encode(b"".join(self.octets(number))).decode()


class Sqlite:
    """The embedded database."""

    series = "WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {count} - 1)"
    link_id, secret_hash = "link_id(n)", "secret_hash(n)"

    def __init__(self, path):
        self.connection = sqlite3.connect(path, timeout=60)

    def columns(self, table):
        return [row[1] for row in self.connection.execute(f"PRAGMA table_info({table})")]

    def number(self, query):
        return self.connection.execute(query).fetchone()[0]

    def run(self, statement, tokens=None):
        if tokens:
            self.connection.create_function("link_id", 1, lambda n: tokens.octets(n)[0], deterministic=True)
            hashed = lambda n: hashlib.sha256(tokens.octets(n)[1]).digest()  # noqa: E731
            self.connection.create_function("secret_hash", 1, hashed, deterministic=True)
        self.connection.execute(statement)
        self.connection.commit()

    def finish(self):
        """Everything is in its place before anything is measured."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()


class Server:
    """A database of a PostgreSQL server."""

    series = "WITH series (n) AS (SELECT generate_series(0, {count}::bigint - 1))"
    digest = "sha256(convert_to('{seed}' || n, 'UTF8'))"
    link_id = (
        "substring(int8send({start_ms} + n * {step_ms}) FROM 3 FOR 6) || '\\x700080'::bytea "
        "|| substring({digest} FROM 1 FOR 7)"
    )
    secret_hash = "sha256(substring({digest} FROM 8 FOR 20))"

    def __init__(self, postgres, name):
        self.postgres, self.name = postgres, name

    def columns(self, table):
        return self.postgres.sql(
            f"SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' "
            "ORDER BY ordinal_position", self.name
        ).splitlines()

    def number(self, query):
        return int(self.postgres.sql(query, self.name))

    def run(self, statement, tokens=None):
        if tokens:
            statement = statement.replace("{digest}", self.digest)
            for name in ("seed", "start_ms", "step_ms"):
                statement = statement.replace(f"{{{name}}}", str(getattr(tokens, name)))
        self.postgres.sql(statement, self.name)

    def finish(self):
        self.postgres.sql("VACUUM ANALYZE", self.name)
        self.postgres.sql("CHECKPOINT", self.name)


def copies(database, table, like, count, changes):
    """Inserts `count` copies of a row, with other expressions of `n` for some columns. `like`: what yields the row."""
    names = database.columns(table)
    if unknown := set(changes) - set(names):
        raise SystemExit(f"scripts/bench: the schema has changed, fill.py does not know it: {table} {unknown}")
    values = ", ".join(changes.get(name, f"t.{name}") for name in names)
    series = database.series.format(count=count)
    return f"INSERT INTO {table} ({', '.join(names)}) {series} SELECT {values} FROM series, {like}"


def named(number):
    """How an attachment is named: ten of them to a comment."""
    return {"comment": f"'c' || ({number} / {PER_COMMENT})", "attachment": f"'a' || ({number} % {PER_COMMENT})"}


def attachments(database, count, objects):
    """Comments of ten attachments each, which share the objects of those registered so far; the first new row's id."""
    first = database.number("SELECT max(attachment_id) FROM attachments") + 1
    comment = "(SELECT * FROM comments LIMIT 1) AS t"
    database.run(copies(database, "comments", comment, -(-count // PER_COMMENT), {"comment": "'c' || n", "request": "NULL"}))
    numbered = "(SELECT *, row_number() OVER (ORDER BY attachment_id) - 1 AS k FROM attachments) AS t"
    changes = named("n") | {"attachment_id": f"{first} + n"}
    database.run(copies(database, "attachments", f"{numbered} WHERE t.k = n % {objects}", count, changes))
    return first


def links(database, tokens, like, of=None):
    """Links with these tokens: copies of the link that `like` (a condition) finds, or spread over the attachments that
    `of` tells: the first one's row, and how many."""
    changes = {"link_id": database.link_id, "secret_hash": database.secret_hash}
    changes["expires_at"] = f"({tokens.start_ms} + n * {tokens.step_ms}) / 1000 + {LINK_LIFETIME_SECONDS}"
    if of:
        first, count = of
        number = attachment_of("n", count)
        changes |= named(number) | {"attachment_id": f"{first} + {number}"}
    link = f"(SELECT * FROM links WHERE {like} LIMIT 1) AS t"
    database.run(copies(database, "links", link, tokens.count, changes), tokens)


def attachment_of(number, count):
    """Which attachment a link belongs to: an expression of SQL, or the number itself."""
    return f"(({number}) * {STEP} % {count})" if isinstance(number, str) else number * STEP % count
