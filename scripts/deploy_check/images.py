"""What stands in for each image: programs of this machine, in a root directory like the image's.

attachlink's is its own (image.py). The others are this machine's root with a layer of its own over it, in which the
program runs that the image would bring.
"""

import pwd
import shlex
import shutil
from pathlib import Path

from . import image, shipped

# The official image's way from variables to a database, on its first start and later ones.
POSTGRES = r"""
data=/var/lib/postgresql/data
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")
chown postgres $data
run() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
if [ ! -s $data/PG_VERSION ]; then
    run $bin/initdb -D $data --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS \
        --no-sync --locale=C --encoding=UTF8
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | run $bin/postgres --single -D $data postgres
    echo "host all all all scram-sha-256" >>$data/pg_hba.conf
    printf "listen_addresses = '*'\nunix_socket_directories = ''\n" >>$data/postgresql.conf
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups $bin/postgres -D $data "$@"
"""


class Stand:
    """An image that is this machine's root with a layer over it."""

    asks_names = False
    volume_owner = (0, 0)

    def __init__(self, entrypoint=(), arguments=(), user="0:0", **environment):
        self.entrypoint, self.arguments, self.user, self.environment = (
            list(entrypoint),
            list(arguments),
            user,
            environment,
        )

    def mount(self, root, work):
        """The commands that put it at `root`."""
        layer = shlex.quote(str(work / "layer"))
        yield f"mkdir -p {layer}"
        yield f"mount -t tmpfs tmpfs {layer}"
        yield f"mkdir {layer}/upper {layer}/work"
        options = f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work"
        yield f"mount -t overlay overlay -o {options} {shlex.quote(str(root))}"
        yield from self.also(shlex.quote(str(root)))

    def also(self, _root):
        """What the image has besides."""
        return []


class Garage(Stand):
    """The genuine server, where the image has it."""

    def __init__(self, binary):
        super().__init__()
        self.binary = binary

    def also(self, root):
        return [f"cp {shlex.quote(self.binary)} {root}/garage"]


class Nginx(Stand):
    """Debian's nginx; it asks the engine's name server."""

    asks_names = True


class Attachlink:
    """The shipped image: an empty root with what its base has."""

    asks_names = False
    volume_owner = (image.NONROOT, image.NONROOT)

    def __init__(self, binary, work):
        shown = shipped.Image.shipped()
        self.entrypoint, self.arguments = shown.command[:1], shown.command[1:]
        self.user, self.environment = shown.user, shown.environment
        self.source = image.make_root(binary, Path(work) / "attachlink-image")

    def mount(self, root, _work):
        """A directory of its own for each container, so that a writable one leaves nothing in the next."""
        yield f"cp -a {shlex.quote(str(self.source))}/. {shlex.quote(str(root))}"
        yield shlex.join(["mount", "--bind", str(root), str(root)])


def missing(store):
    """Programs that it takes and that this machine has not."""
    wanted = ["nginx", "ip", "setpriv", "nsenter", "unshare", "curl", "wget"]
    absent = [name for name in wanted if not shutil.which(name)]
    absent += [] if list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) else ["PostgreSQL"]
    absent += [] if Path(store).exists() else [store]
    return absent


def all_of(binary, work, store):
    """By name, as in the compose files. `store` is Garage's binary, or moto's server in its place."""
    pwd.getpwnam("postgres")
    images = {
        "attachlink": Attachlink(binary, work),
        "postgres": Stand(["bash", "-ec", POSTGRES]),
        "nginx": Nginx(arguments=["nginx", "-g", "daemon off;"]),
        "curlimages/curl": Stand(user="100:101"),
    }
    images["dxflrs/garage"] = Garage(store) if Path(store).name == "garage" else Stand()
    return images


def with_moto(model, server):
    """The same services, with moto where Garage would be: for the rest, when there is no Garage."""
    garage, setup = model["services"]["garage"], model["services"]["garage-setup"]
    garage |= {
        "command": [server, "-H", "0.0.0.0", "-p", "3900"],
        "read_only": False,
        "cap_drop": [],
        "healthcheck": {"test": ["CMD", "curl", "-s", "-o", "/dev/null", "http://127.0.0.1:3900/"]},
    }
    setup |= {"entrypoint": ["curl", "-sf", "-X", "PUT", "http://garage:3900/attachlink"]}
    return model
