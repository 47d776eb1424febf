"""deploy/make-secrets: what it makes, and for whom."""

import os
import shutil
import stat
import subprocess


def make(directory):
    """Runs the script of this copy; returns the directory of what it made."""
    subprocess.run([directory / "deploy/make-secrets"], check=True, capture_output=True, timeout=60)
    return directory / "deploy/secrets"


def check(directory):
    """Makes secrets, of which no two are alike; keeps each one that is there; closes their directory."""
    made = make(directory)
    first = {path.name: path.read_text() for path in made.iterdir()}
    assert len(set(first.values())) == len(first) and all(len(text) > 20 for text in first.values()), sorted(first)
    assert first["database-password"].strip() in first["database-url"]
    (made / "garage-admin-token").unlink()
    make(directory)
    second = {path.name: path.read_text() for path in made.iterdir()}
    changed = {name for name in second if second[name] != first[name]}
    assert set(second) == set(first) and changed == {"garage-admin-token"}, f"made anew: {sorted(changed)}"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700, "the directory of the secrets is open"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()}
    assert set(modes.values()) == {0o444}, f"containers that run as other users cannot read them: {modes}"
    if os.geteuid() == 0:
        stranger = ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "cat", made / "database-url"]
        read = subprocess.run(stranger, capture_output=True, text=True)
        assert read.returncode != 0 and not read.stdout, "another user of this machine reads the secrets"
    return made


def make_certificate(directory):
    """The pair for deploy/compose.tls.yml, put where that says; returns a path to the certificate."""
    made = directory / "deploy/secrets"
    beside = directory / "certificate"
    beside.mkdir()
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=files.acme.example",
            "-addext",
            "subjectAltName=DNS:files.acme.example",
            "-keyout",
            beside / "key",
            "-out",
            beside / "certificate",
        ],
        check=True,
        capture_output=True,
    )
    for name in ["certificate", "key"]:
        shutil.copy(beside / name, made / f"tls-{name}")
        (made / f"tls-{name}").chmod(0o444)
    return made / "tls-certificate"
