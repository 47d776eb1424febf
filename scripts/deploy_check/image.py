"""The image: its Dockerfile, what gets into the build, and a root directory with what the image's base has."""

import re
import shutil
import subprocess
from pathlib import Path

from . import shipped

BASE = "gcr.io/distroless/cc-debian12:nonroot"
# The libraries of that base which a program built by rustc may need, and the C library's version in Debian 12.
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libdl.so.2", "libpthread.so.0", "librt.so.1"}
GLIBC = (2, 36)
NONROOT = 65532
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
# What the compiler reads of the project, besides Rust's own modules.
READ_BY_CODE = re.compile(r'(?:include_(?:str|bytes)|migrate)!\(\s*"([^"]+)"|template\(path = "([^"]+)"')


def check_dockerfile(image):
    """A distroless base of the build's Debian, no root, and the binary's own health check."""
    assert image.base == BASE, image.base
    assert re.search(r"^FROM rust:[\d.]+-bookworm AS build$", image.text, re.M), (
        "built on another Debian than it runs on"
    )
    rust = re.search(r'rust-version = "([\d.]+)"', (shipped.ROOT / "Cargo.toml").read_text()).group(1)
    assert f"FROM rust:{rust}-" in image.text, f"the image is not built with Rust {rust}"
    assert image.user == f"{NONROOT}:{NONROOT}" and "--chown=65532:65532 /out/data /data" in image.text
    assert image.healthcheck == ["/attachlink", "healthcheck"] and image.command == ["/attachlink", "serve"]


def let_in():
    """The paths that .dockerignore lets into the build, at the project's root."""
    lines = [line for line in (shipped.ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*" and all(line.startswith("!") for line in lines[1:]), (
        ".dockerignore is no list of what is let in"
    )
    return [line[1:] for line in lines[1:]]


def check_context():
    """All that the build reads is let in, and it is all in the repository: no secret, no data, no leftovers."""
    allowed = let_in()
    assert all((shipped.ROOT / path).exists() for path in allowed), f"not there: {allowed}"
    needed = {"Cargo.toml", "Cargo.lock", "build.rs", "src/main.rs"}
    needed |= {
        f"benches/{name}.rs"
        for name in re.findall(r'\[\[bench\]\]\nname = "(\w+)"', (shipped.ROOT / "Cargo.toml").read_text())
    }
    for file in (shipped.ROOT / "src").rglob("*.rs"):
        if file.name == "tests.rs" or "tests" in file.parts:
            continue
        for beside, template in READ_BY_CODE.findall(file.read_text()):
            found = shipped.ROOT / "templates" / template if template else (file.parent / beside).resolve()
            found = found if found.exists() else shipped.ROOT / beside
            needed.add(str(found.relative_to(shipped.ROOT)))
    missing = {path for path in needed if path.split("/")[0] not in allowed or not (shipped.ROOT / path).exists()}
    assert not missing, f"the image's build does not get {sorted(missing)}"
    return len(needed)


def libraries(binary):
    """What the binary is linked to, by path; nothing but what the base has, and no newer C library."""
    listed = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    paths = [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]
    foreign = (
        {path.name for path in paths} - LIBRARIES - {path.name for path in paths if path.name.startswith("ld-linux")}
    )
    assert not foreign, f"not in {BASE}: {sorted(foreign)}"
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", Path(binary).read_bytes())
    newest = max((int(major), int(minor)) for major, minor in versions)
    assert newest <= GLIBC, f"needs glibc {newest}, and {BASE} has {GLIBC}"
    return paths


def make_root(binary, directory):
    """A root directory as the image has it: the binary, its libraries, certificates, two users, and nothing else."""
    root = Path(directory)
    for name in ["data", "dev", "etc", "proc", "run", "tmp"]:
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.chown(root / "data", NONROOT, NONROOT)
    (root / "etc/passwd").write_text(
        f"root:x:0:0::/root:/sbin/nologin\nnonroot:x:{NONROOT}:{NONROOT}::/home/nonroot:/sbin/nologin\n"
    )
    (root / "etc/hosts").touch()
    for path in [*libraries(binary), Path("/" + CERTIFICATES)]:
        if path.exists():
            (root / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, root / path.relative_to("/"))
    shutil.copy2(binary, root / "attachlink")
    return root
