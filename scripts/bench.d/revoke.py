"""Row revoke: revoking takes the same time however many links it kills."""

import contextlib
import http.client
import json
import statistics
import time

import fill
from postgres import Postgres
from report import Line
from service import PREFIX, SITE, Service

FEW, MANY, MANY_IN_SHORT = 1000, 1_000_000, 20_000
# A round is the median of so many calls: one call waits for the disk, now longer, now shorter.
CALLS, CALLS_IN_SHORT = 15, 3
GOAL = 1.2


class Project:
    """A project with one comment, one attachment and many links."""

    def __init__(self, service, name, links):
        self.service, self.name, self.links = service, name, links
        self.path, self.comment = f"/projects/{name}", f"/projects/{name}/comments/c1"

    def set_up(self):
        self.service.call("PUT", f"{self.path}/attachment-security", {"mode": "secured_link"})
        self.service.register(self.name, "c1", "a1", "small")
        self.service.call("POST", f"{self.comment}/attachments/a1/links", {"recipients": ["r-1"]})

    def fill(self, database):
        """More links, and what puts everything back as it was."""
        tokens = fill.Tokens(self.name, self.links)
        fill.links(database, tokens, f"project = '{self.name}'")
        self.some_path = tokens.path(self.links - 1)
        self.generation = database.number(f"SELECT generation FROM projects WHERE project = '{self.name}'")
        of = f"project_id = (SELECT project_id FROM projects WHERE project = '{self.name}')"
        database.run(f"CREATE TABLE kept_{self.name} AS SELECT * FROM attachments WHERE {of}")

    def put_back(self, database):
        """As before the revocation, so that the next one kills as many links."""
        columns = ", ".join(database.columns("attachments"))
        database.run(f"UPDATE projects SET mode = 'secured_link', generation = {self.generation} WHERE project = '{self.name}'")
        database.run(f"UPDATE comments SET deleted_at = NULL WHERE project = '{self.name}'")
        database.run(
            f"INSERT INTO attachments ({columns}) SELECT {columns} FROM kept_{self.name} WHERE attachment_id NOT IN "
            f"(SELECT attachment_id FROM attachments)"
        )

    def must_answer(self, *statuses):
        status, _ = self.service.ask("public", "GET", self.some_path)
        if status not in statuses:
            raise SystemExit(f"scripts/bench: a link of {self.name} is answered {status}, not {statuses}")

    def change_mode(self):
        return "PUT", f"{self.path}/attachment-security", {"mode": "portal_login"}

    def delete_comment(self):
        return "DELETE", self.comment, None


def timed_ms(service, call):
    """How long one call takes, on a connection that is open."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port["api"], timeout=60)
    connection.connect()
    method, path, body = call
    headers = service.authorization() | {"Content-Type": "application/json"}
    began = time.perf_counter()
    connection.request(method, f"/v1/sites/{SITE}{path}", json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - began
    connection.close()
    if answer.status not in (200, 204):
        raise SystemExit(f"scripts/bench: a revocation was answered {answer.status}")
    return took * 1000


def compare(chosen, title, settings, data, database):
    """Revocations in turn with few and with many links under them; the killed links are brought back in between."""
    many = MANY_IN_SHORT if chosen.quick else MANY
    (data / "objects" / PREFIX).mkdir(parents=True)
    (data / "objects" / PREFIX / "small").write_bytes(b"small")
    with Service(chosen.binary, data, **settings) as service:
        service.set_up()
        projects = [Project(service, "MANY", many), Project(service, "FEW", FEW)]
        for project in projects:
            project.set_up()
    filled = database()
    for project in projects:
        project.fill(filled)
    filled.finish()
    with service:
        between = database()
        for what, call in (("changing the mode", Project.change_mode), ("deleting the comment", Project.delete_comment)):
            rounds = [one_round(chosen, projects, call, between) for _ in range(chosen.pairs)]
            with_many, with_few = zip(*rounds)
            title_of_row = f"{what} over {many:,} links, {title}"
            yield Line("revoke", title_of_row, "ms", with_many, with_few, f"itself over {FEW:,}", ("≤", GOAL))


def one_round(chosen, projects, call, between):
    """The median time of revoking each project's links, in turn; and each time they really were alive, and died."""
    took = {project.name: [] for project in projects}
    for _ in range(CALLS_IN_SHORT if chosen.quick else CALLS):
        for project in projects:
            project.must_answer(200)
            took[project.name].append(timed_ms(project.service, call(project)))
            project.must_answer(404, 410)
            project.put_back(between)
    return [statistics.median(times) for times in took.values()]


def measure(chosen):
    """On both databases."""
    data = chosen.folder / "data"
    yield from compare(chosen, "SQLite", {}, data, lambda: fill.Sqlite(data / "attachlink.db"))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())
        settings = server.database("revoke")
        yield from compare(chosen, "PostgreSQL", settings, chosen.folder / "data-server", lambda: fill.Server(server, "revoke"))
