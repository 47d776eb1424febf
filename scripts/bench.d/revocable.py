"""Row postgres: against nginx that asks a small service about each request, which asks PostgreSQL."""

import contextlib
import os

import nginx
import processes
from hot import CONNECTIONS, attachlink, compare, contestant, small_files, take_turns
from postgres import Postgres
from service import Service

PEER = "auth_request_peer"
# Of each thread, to the database: of 2 to 32, 4 and 8 took the least CPU. One runtime with several threads took as much.
PEER_CONNECTIONS = 8

SITE = """
        location /files/ {{
            root {root};{secure_link}
            set $token $arg_token;
            auth_request /alive;
        }}
        location = /alive {{
            internal;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Token $token;
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
            proxy_pass_request_headers off;
            proxy_pass http://peer;
        }}"""


def peer(stack, chosen, database_url):
    """The small service (examples/auth_request_peer.rs)."""
    (port,) = processes.free_ports(1)
    variables = os.environ | {"DATABASE_URL": database_url}
    command = [chosen.programs / PEER, port, PEER_CONNECTIONS]
    return port, stack.enter_context(
        processes.Process(command, chosen.folder / "peer.log", lambda: processes.listens(port), variables=variables)
    )


def asking_nginx(stack, chosen, database, links):
    """nginx with the same files, which serves them while the links of `links` are alive in attachlink's own database."""
    root = chosen.folder / "asking"
    (root / "files").mkdir(parents=True)
    peer_port, asked = peer(stack, chosen, database.url("hot"))
    (port,) = processes.free_ports(1)
    http = nginx.upstream("peer", peer_port) + nginx.server(port, SITE.format(root=root, secure_link=nginx.SECURE_LINK))
    server = stack.enter_context(nginx.Nginx(root / "nginx", port, http))
    paths = {}
    for number, (link, body) in enumerate(links.items()):
        (root / "files" / f"a{number}").write_bytes(body)
        paths[nginx.signed(f"/files/a{number}", f"&token={link.removeprefix('/a/').split('/')[0]}")] = body
    bills = {"server": [server.pid], "peer": [asked.pid], "database": [database.pid]}
    return contestant("nginx+peer", port, paths, bills, chosen.folder)


def measure(chosen):
    """Both on one server and one database; whose turn it is has caused what PostgreSQL takes."""
    files = small_files()
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(Postgres())
        service = stack.enter_context(Service(chosen.binary, chosen.folder / "data", **database.database("hot")))
        ours = attachlink(service, chosen.folder, files)
        ours.bills["database"] = [database.pid]
        theirs = asking_nginx(stack, chosen, database, dict(zip(ours.paths, files.values())))
        for connections in CONNECTIONS:
            turns = take_turns(chosen, [ours, theirs], connections)
            suffix = f"{connections} connections"
            yield from compare(turns, "postgres", ("attachlink", "nginx+peer"), suffix, ("≥", 3), cpu="all cpu")
