"""The compose files: who is reached from where, and whether all that they name exists."""

import re
from pathlib import Path

from . import shipped

LOOPBACK = "127.0.0.1"
EVERYWHERE = "*"
# Container port by container port, who may reach it on the machine: "*" is everyone.
PUBLISHED = {
    shipped.EMBEDDED: {"attachlink": {8080: EVERYWHERE, 8081: LOOPBACK, 9090: LOOPBACK}},
    shipped.PRODUCTION: {
        "attachlink": {8080: LOOPBACK, 8081: LOOPBACK, 9090: LOOPBACK},
        "attachlink-2": {9090: LOOPBACK},
        "nginx": {8080: EVERYWHERE, 8081: LOOPBACK},
    },
}
PUBLISHED[shipped.TLS] = PUBLISHED[shipped.PRODUCTION] | {"nginx": {8443: EVERYWHERE, 8081: LOOPBACK}}
ADDRESS = re.compile(r"\w+://(?:[^/@\s]*@)?([a-z][a-z0-9-]*):?\d*(?:/|$)")


def published(service):
    """Container ports and the addresses of the machine at which they are published."""
    return {port["target"]: port.get("host_ip", EVERYWHERE) for port in service.get("ports", [])}


def check_ports(file, model):
    found = {name: published(service) for name, service in model["services"].items() if service.get("ports")}
    assert found == PUBLISHED[file], f"{file} publishes {found}, not {PUBLISHED[file]}"
    doors = [
        (port.get("host_ip", EVERYWHERE), port["published"])
        for service in model["services"].values()
        for port in service.get("ports", [])
    ]
    assert len(set(port for _, port in doors)) == len(doors), f"{file} publishes a port twice: {doors}"


def check_mounts(file, model):
    """Each volume is declared, and used; each file that is mounted is shipped."""
    used = set()
    for name, service in model["services"].items():
        for volume in service.get("volumes", []):
            if volume["type"] == "volume":
                used.add(volume["source"])
            else:
                assert Path(volume["source"]).is_file(), f"{file}: {name} mounts {volume['source']}, which is not there"
                assert volume.get("read_only"), f"{file}: {name} may write to {volume['source']}"
    assert used == set(model.get("volumes", {})), f"{file}: volumes used: {sorted(used)}"


def check_secrets(file, model, made):
    """Each secret is a file that deploy/make-secrets makes, and read by somebody; no variable holds one."""
    declared = {name: Path(secret["file"]) for name, secret in model.get("secrets", {}).items()}
    for name, path in declared.items():
        assert path.parent == made and path.is_file(), f"{file}: nothing makes the secret {name} at {path}"
    granted = {secret["source"] for service in model["services"].values() for secret in service.get("secrets", [])}
    assert granted == set(declared), f"{file}: secrets {sorted(declared)}, of which some are granted: {sorted(granted)}"
    if declared:
        assert {path.name for path in made.iterdir()} == {path.name for path in declared.values()}, (
            "a file that nobody reads"
        )
    for name, service in model["services"].items():
        mounted = {secret.get("target", shipped.SECRETS + secret["source"]) for secret in service.get("secrets", [])}
        named = {value for value in environment(service).values() if value.startswith(shipped.SECRETS)}
        assert named <= mounted, f"{file}: {name} reads secrets that it has not: {sorted(named - mounted)}"
        bare = [
            key
            for key in environment(service)
            if re.search("PASSWORD|SECRET|TOKEN|KEY", key) and not key.endswith("_FILE")
        ]
        assert not bare, f"{file}: {name} has secrets in variables: {bare}"


def environment(service):
    return service.get("environment") or {}


def check_names(file, model):
    """Hosts in addresses are services, and who names one shares a network with it."""
    services = model["services"]
    for name, service in services.items():
        named = [
            host
            for key, value in environment(service).items()
            for host in ADDRESS.findall(value)
            if key != "ATTACHLINK_PUBLIC_URL" and not value.startswith("s3:")
        ]
        for secret in service.get("secrets", []):
            named += ADDRESS.findall(Path(model["secrets"][secret["source"]]["file"]).read_text())
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                named += re.findall(
                    r"^\s*(?:set \$\w+ |admin=http://)([a-z][a-z-]*):\d+", Path(volume["source"]).read_text(), re.M
                )
        for host in named:
            assert hosts(services, networks(service)).get(host), f"{file}: {name} looks for {host} and does not find it"


def networks(service):
    return service.get("networks") or {}


def hosts(services, shared):
    """Who is found under which name on these networks: by its own, and by aliases that several may have."""
    found = {}
    for name, service in services.items():
        for network, options in networks(service).items():
            if network in shared:
                for host in {name, *((options or {}).get("aliases") or [])}:
                    found.setdefault(host, []).append((name, network))
    return found


def check_order(file, model):
    """Who waits for another's health waits for something that is checked, by a command in its own form."""
    services = model["services"]
    for name, service in services.items():
        for other, wait in (service.get("depends_on") or {}).items():
            assert other in services, f"{file}: {name} waits for {other}"
            if wait["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"][0] == "CMD", f"{file}: {other} has no health check"
    running = [service for service in services.values() if service["restart"] != "no"]
    assert all(service.get("healthcheck") for service in running), f"{file}: a service has no health check"


def check_hardening(file, model):
    """Nothing gains privileges; but for PostgreSQL, whose image begins as root, roots are read-only and powerless."""
    for name, service in model["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], f"{file}: {name}"
        closed = service.get("read_only") and service.get("cap_drop") == ["ALL"]
        assert name == "postgres" or closed, f"{file}: {name} has a writable root, or capabilities"
        version = service["image"].partition(":")[2]
        assert service.get("build") or version not in ("", "latest"), f"{file}: {name} has an image of no version"


def check_all(file, model, made):
    """Every check on one file, as Compose has read it."""
    check_ports(file, model)
    check_mounts(file, model)
    check_secrets(file, model, made)
    check_names(file, model)
    check_order(file, model)
    check_hardening(file, model)
