"""The shipped services, run and used: rehearsal.py BINARY COMPOSE STORE, in namespaces (scripts/rehearse-deploy)."""

import os
import signal
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from deploy_check import image, images, secret_files, shipped  # noqa: E402
from deploy_check import production as story  # noqa: E402
from deploy_check.calls import Api, get  # noqa: E402
from deploy_check.composition import Composition  # noqa: E402
from deploy_check.networks import sh  # noqa: E402
from deploy_check.production import exposed, make_key, say  # noqa: E402


def embedded(compose, copy, work, images_by_name):
    """One service in an empty root on a volume: it is healthy, makes keys, and keeps what it has over a restart."""
    model = shipped.embedded(compose, copy)
    # Compose gives a file without networks one of its own.
    model["networks"] = {"default": {}}
    composition = Composition(model, work / "embedded", images_by_name)
    composition.start()
    service = composition["attachlink"]
    at = exposed(service, 8081)
    api = Api(make_key(service))
    api.make_project(at)
    api.upload(at, "1", os.urandom(story.SMALL_OCTETS))
    path, _ = api.link(at, "1")
    service.stop()
    assert service.process.returncode == 0, f"ended with {service.process.returncode}"
    service.start()
    service.wait("service_healthy")
    public = exposed(service, 8080)
    assert [get(public, path)[0], get(public, "/v1/sites/acme")[0]] == [200, 404]
    first_key = (composition.work / "volumes/data/first-api-key").stat()
    assert (first_key.st_uid, first_key.st_mode & 0o777) == (image.NONROOT, 0o600)
    service.stop()
    say("compose.embedded.yml: healthy in an empty, read-only root as no root; its volume outlasts a restart")


def production(compose, copy, work, images_by_name, store):
    """The whole story on PostgreSQL and the store."""
    model, name = shipped.production(compose, copy), "Garage"
    if Path(store).name != "garage":
        model, name = images.with_moto(model, store), "moto in the place of Garage"
    composition = Composition(model, work / "production", images_by_name)
    composition.start()
    say(f"docker-compose.yml: all services are healthy, on {name}")
    setup = composition["garage-setup"]
    setup.start()
    setup.wait("service_completed_successfully")
    say(f"the bucket's setup, a second time: {(setup.printed().splitlines() or ['done'])[-1]}")
    run = story.Production(composition)
    for part in [story.downloads, story.nothing_else_outside, story.revocations, story.replicas_go_and_come]:
        part(run)
    certificate = secret_files.make_certificate(copy)
    story.over_tls(run, shipped.production(compose, copy, shipped.TLS), certificate)
    story.silent_about_paths(run)
    for name in ["nginx", "garage", "postgres"]:
        composition[name].stop(signal.SIGINT)


def main():
    binary, compose, store = sys.argv[1:]
    if absent := images.missing(store):
        sys.exit(f"rehearse-deploy: this needs {', '.join(absent)}")
    sh("ip", "link", "set", "lo", "up")
    Path("/run/netns").mkdir(exist_ok=True)
    sh("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        work.chmod(0o755)
        (work / "copy").mkdir()
        copy = shipped.copy_to(work / "copy")
        secret_files.make(copy)
        images_by_name = images.all_of(binary, work, store)
        embedded(compose, copy, work, images_by_name)
        production(compose, copy, work, images_by_name, store)


if __name__ == "__main__":
    main()
