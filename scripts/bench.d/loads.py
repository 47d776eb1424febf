"""Loads on one service: links issued, hot downloads, streaming."""

import json
import subprocess
from pathlib import Path

from report import Row
from service import PROJECT, SITE, Service

SMALL_OCTETS = 20_000
HOT_LINKS = 100
GB = 1_000_000_000
CHUNK_OCTETS = 1_000_000


def rounds(chosen):
    return 1 if chosen.quick else 3


def seconds(chosen):
    return 2 if chosen.quick else 10


def wrk(service, listener, paths, folder, connections, duration, body=None, headers=()):
    """One round of wrk over `paths`. Any failed request ends the run: a refusal is cheaper than an answer."""
    folder.joinpath("paths").write_text("".join(f"{path}\n" for path in paths))
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{duration}s", "--timeout", "10s"]
    for name, value in dict(headers).items():
        command += ["--header", f"{name}: {value}"]
    command += ["--script", str(Path(__file__).with_name("load.lua")), service.base(listener), "--", str(folder / "paths")]
    if body is not None:
        folder.joinpath("body").write_text(json.dumps(body))
        command.append(str(folder / "body"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=duration + 60)
    result = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode != 0 or not result:
        raise SystemExit(f"scripts/bench: wrk: {done.stdout}{done.stderr}")
    result = json.loads(result[0].removeprefix("RESULT "))
    if result["failed"] or not result["requests"]:
        raise SystemExit(f"scripts/bench: requests failed: {result}\n{done.stdout}")
    return result | {"per_second": result["requests"] / result["seconds"]}


def latency(results):
    """The latencies of the round in the middle."""
    middle = sorted(results, key=lambda result: result["per_second"])[len(results) // 2]
    return f"p50 {middle['p50_ms']:.1f} ms, p99 {middle['p99_ms']:.1f} ms a request"


def issue(chosen):
    """Links issued by notifications."""
    with Service(chosen.binary, chosen.folder / "data") as service:
        service.set_up()
        for number in range(10):
            service.upload("c1", f"a{number}", b"\0" * 1000, 1000)
        for attachments, recipients, connections in ((1, 1, 16), (10, 50, 4)):
            body = {
                "request": "SUP-42",
                "message_size": 48_211,
                "attachments": [f"a{number}" for number in range(attachments)],
                "recipients": [f"r-{number}" for number in range(recipients)],
            }
            path = f"/projects/{PROJECT}/comments/c1/notifications"
            emails = service.call("POST", path, body)["emails"]
            issued = {a["link_id"] for email in emails for a in email["attachments"] if a["rendering"] == "link"}
            if len(issued) != attachments * recipients:
                raise SystemExit(f"scripts/bench: a notification issued {len(issued)} links: {emails[:1]}")
            results = [
                wrk(service, "api", [f"/v1/sites/{SITE}{path}"], chosen.folder, connections, seconds(chosen), body, service.authorization())
                for _ in range(rounds(chosen))
            ]
            links = [result["per_second"] * attachments * recipients for result in results]
            what = f"links issued, {attachments} × {recipients} a call, {connections} connections"
            yield Row(what, "links/s", links, latency(results))


def hot_links(service):
    """Uploads the small objects and returns the paths of their links."""
    service.set_up()
    for number in range(HOT_LINKS):
        service.upload("hot", f"a{number}", bytes([number % 256]) * SMALL_OCTETS, SMALL_OCTETS)
    return [service.link("hot", f"a{number}") for number in range(HOT_LINKS)]


def hot(chosen):
    """Small downloads that come from the cache."""
    with Service(chosen.binary, chosen.folder / "data") as service:
        paths = hot_links(service)
        wrk(service, "public", paths, chosen.folder, 64, 1)
        results, cpu = [], []
        for _ in range(rounds(chosen)):
            before = service.cpu_seconds()
            results.append(wrk(service, "public", paths, chosen.folder, 64, seconds(chosen)))
            cpu.append((service.cpu_seconds() - before) / results[-1]["requests"] * 1e6)
        whole = all(result["octets"] > result["requests"] * SMALL_OCTETS for result in results)
        if not whole:
            raise SystemExit(f"scripts/bench: downloads were not whole: {results}")
        yield Row("hot downloads of 20 KB, 64 connections", "/s", [result["per_second"] for result in results], latency(results))
        yield Row("the server's CPU for each of them", "µs", cpu)


def stream(chosen):
    """One large object, up and down."""
    octets = GB // 10 if chosen.quick else GB
    with Service(chosen.binary, chosen.folder / "data") as service:
        service.set_up()
        chunk = bytes(range(256)) * (CHUNK_OCTETS // 256 + 1)
        body = (chunk[:CHUNK_OCTETS] for _ in range(octets // CHUNK_OCTETS))
        service.upload("big", "a1", body, octets)
        address = service.base("public") + service.link("big", "a1")
        resident = service.resident_octets()
        speeds, cpu = [], []
        for _ in range(rounds(chosen)):
            before = service.cpu_seconds()
            said = "%{http_code} %{size_download} %{speed_download}"
            command = ["curl", "--silent", "--show-error", "--output", "/dev/null", "--max-time", "300", "--write-out", said, address]
            status, size, speed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=330).stdout.split()
            if (status, int(size)) != ("200", octets):
                raise SystemExit(f"scripts/bench: streaming: {status}, {size} of {octets} octets")
            cpu.append((service.cpu_seconds() - before) * GB / octets)
            speeds.append(float(speed) / 1e6)
        grown = max(0, service.resident_octets() - resident) / 2**20
        yield Row("streaming 1 GB to one client", "MB/s", speeds, f"resident memory grew by {grown:.1f} MiB")
        yield Row("the server's CPU for it", "s/GB", cpu)
