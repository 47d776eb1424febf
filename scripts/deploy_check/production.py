"""What is done with the production set-up while it runs, and what has to come of it."""

import http.client
import os
import re
import signal
import socket
import ssl
import time
from pathlib import Path

from . import compose_files
from .calls import PROJECT, Api, Running, get

LARGE_OCTETS = 64 * 1024 * 1024
SMALL_OCTETS = 300_000
# In each round each replica should have a turn.
ROUND = 20
# nginx keeps what the name server answers for a second.
NAMES_KEPT_SECONDS = 1.5
# Within this a replica that came back is used again.
FOUND_WITHIN_SECONDS = 30
# From the answer to a revocation to the last octet that attachlink hands to the network.
CUT_WITHIN_SECONDS = 1
# What nginx, and the kernel between it and attachlink, keep for a slow reader.
NGINX_OCTETS = 2 * 1024 * 1024


def buffered_octets():
    """The most that is kept for a slow reader: by the kernel at the sender and at the reader (tcp(7)), and by nginx."""
    limits = [Path(f"/proc/sys/net/ipv4/{name}").read_text().split()[2] for name in ("tcp_wmem", "tcp_rmem")]
    return NGINX_OCTETS + sum(int(limit) for limit in limits)


def say(text):
    print(f"rehearse-deploy: {text}", flush=True)


def exposed(container, target):
    """The address behind a published port."""
    assert target in compose_files.published(container.service), f"{container.name} does not publish {target}"
    return container.address, target


def make_key(container):
    """The command of the manual."""
    made = container.run("/attachlink", "key", "create", "--scope", "notify", "--scope", "admin")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


class Production:
    """The production set-up while it runs."""

    def __init__(self, composition):
        self.all = composition
        self.nginx, self.replicas = composition["nginx"], [composition["attachlink"], composition["attachlink-2"]]
        self.public, self.through_nginx = exposed(self.nginx, 8080), exposed(self.nginx, 8081)
        self.direct = exposed(self.replicas[0], 8081)
        self.api = Api(make_key(self.replicas[0]))
        self.paths = []

    def link(self, comment):
        path, link_id = self.api.link(self.through_nginx, comment)
        self.paths.append(path)
        return path, link_id

    def statuses(self, path, count=ROUND):
        return {get(self.public, path)[0] for _ in range(count)}

    def served(self):
        """How many requests each replica's public listener has answered, by its own metrics."""
        texts = [get(exposed(replica, 9090), "/metrics")[1].decode() for replica in self.replicas]
        return [
            sum(float(n) for n in re.findall(r"^attachlink_downloads_total\{[^}]*\} (\S+)", text, re.M))
            for text in texts
        ]


def downloads(run):
    """Uploaded at replica 1 and through nginx; downloaded through nginx from both replicas, whole and in part."""
    run.api.make_project(run.through_nginx)
    small = os.urandom(SMALL_OCTETS)
    run.api.upload(run.direct, "1", small)
    path, _ = run.link("1")
    for _ in range(ROUND):
        assert get(run.public, path) == (200, small), "not what was uploaded"
    assert get(run.public, path, Range="bytes=100-199") == (206, small[100:200])
    large = os.urandom(LARGE_OCTETS)
    run.api.upload(run.through_nginx, "2", large)
    assert get(run.public, run.link("2")[0]) == (200, large), "a large file is not what was uploaded"
    served = run.served()
    assert all(served), f"a replica served nothing: {served}"
    say(f"downloads through nginx are right, by both replicas: {served}")


def nothing_else_outside(run):
    """The public door leads to downloads only; nginx does not reach what is behind the replicas."""
    for path in ["/v1/sites/acme", "/openapi.yaml", "/metrics", "/readyz"]:
        assert get(run.public, path)[0] == 404, f"{path} is public"
    assert get(run.public, "/a/x", "POST", os.urandom(SMALL_OCTETS))[0] in (405, 413)
    inside = run.all["postgres"].address
    for host in [inside, *run.replicas[0].addresses.values()]:
        port = 5432 if host == inside else 8080
        reached = run.nginx.run("bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}").returncode == 0
        assert reached == (host in run.replicas[0].addresses["edge"]), f"nginx and {host}:{port}: {reached}"
    say("nothing but downloads is public, and nginx does not reach the database")


def revocations(run):
    """Through nginx: refused from the answer on by both replicas; a running download is cut."""
    path, link_id = run.link("1")
    run.api.well(run.through_nginx, "DELETE", f"/v1/sites/acme/links/{link_id}")
    assert run.statuses(path) == {410}, "a revoked link is served"
    path, _ = run.link("2")
    reading, stalled = Running(run.public, path), Running(run.public, path)
    assert reading.read(1), "a download ended by itself"
    run.api.well(run.through_nginx, "DELETE", f"{PROJECT}/comments/2")
    answered = time.monotonic()
    reading.read(CUT_WITHIN_SECONDS)
    seconds = time.monotonic() - answered
    time.sleep(max(0, CUT_WITHIN_SECONDS - seconds))
    left = [download.read_to_end() for download in (reading, stalled)]
    assert max(left) < buffered_octets(), f"a second after a revocation, {left} octets were still to come"
    assert reading.received < LARGE_OCTETS, "a download went on to its end"
    assert run.statuses(path) == {410}, "a deleted comment's link is served"
    say(f"a revoked link is 410 on both replicas; a running download ended {seconds * 1000:.0f} ms after the answer")
    say(f"a second after it buffers held {left[0]} octets for one that was read, {left[1]} for one that was not")


def wait_until_both_are_used(run, path):
    """nginx looks names up each second: on a busy machine it may find one that came back a while later."""
    deadline = time.monotonic() + FOUND_WITHIN_SECONDS
    while True:
        before = run.served()
        run.statuses(path)
        if all(now > then for now, then in zip(run.served(), before)):
            return
        assert time.monotonic() < deadline, f"nginx does not find both replicas within {FOUND_WITHIN_SECONDS} s"


def replicas_go_and_come(run):
    """One is stopped, started again elsewhere, killed: recipients and the help desk notice nothing."""
    path, _ = run.link("1")
    first, second = run.replicas
    first.stop()
    assert run.statuses(path) == {200}, "a stopped replica is noticed"
    run.api.upload(run.through_nginx, "3", os.urandom(SMALL_OCTETS))
    first.start()
    first.wait("service_healthy")
    wait_until_both_are_used(run, path)
    # Its name is still answered: what cannot be reached is left for the other one.
    second.process.send_signal(signal.SIGKILL)
    second.process.wait()
    assert run.statuses(path) == {200}, "a killed replica is noticed"
    second.start()
    second.wait("service_healthy")
    say("a replica that is stopped, killed, or started again is not noticed")


def over_tls(run, model, certificate):
    """The same nginx with deploy/compose.tls.yml: its public port speaks TLS."""
    path, _ = run.link("1")
    run.nginx.stop(signal.SIGQUIT)
    run.all.model["secrets"], run.nginx.service = model["secrets"], model["services"]["nginx"]
    run.nginx.start()
    host, port = exposed(run.nginx, 8443)
    run.public, run.through_nginx = (run.nginx.address, 8080), exposed(run.nginx, 8081)
    # The health check asks within, without TLS.
    run.nginx.wait("service_healthy")
    trusting = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPConnection(host)
    connection.sock = trusting.wrap_socket(socket.create_connection((host, port)), server_hostname="files.acme.example")
    connection.request("GET", path)
    answer = connection.getresponse()
    assert (answer.status, len(answer.read())) == (200, SMALL_OCTETS), answer.status
    say(f"with compose.tls.yml a link opens over {connection.sock.version()}")


def silent_about_paths(run):
    """Nothing that nginx or attachlink printed holds a path, also when no replica can be reached."""
    path, _ = run.link("1")
    for replica in run.replicas:
        replica.process.send_signal(signal.SIGKILL)
        replica.process.wait()
    # Their addresses are still answered, and then they are not.
    assert run.statuses(path, 2) == {502}
    run.all.tell_names()
    time.sleep(NAMES_KEPT_SECONDS)
    assert run.statuses(path, 2) == {502}
    for container in run.all.containers.values():
        printed = container.printed()
        tokens = [path.split("/")[2] for path in run.paths]
        assert not any(token in printed for token in tokens) and "/a/al1_" not in printed, (
            f"{container.name} printed a path"
        )
    lines = run.nginx.printed().count("\n")
    assert lines > ROUND, "nginx wrote no access log"
    say(f"no token in what the services printed ({lines} lines of nginx)")
