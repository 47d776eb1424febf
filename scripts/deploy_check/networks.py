"""The networks of a compose file: bridges, and cables to them from the namespaces of containers."""

import ipaddress
import itertools
import subprocess

PATIENCE_SECONDS = 60
# Of what has to have a name of its own: bridges and namespaces.
NUMBERS = itertools.count(1)


def sh(*command):
    subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


class Network:
    """A bridge, and the addresses on it. The caller is its first host, as the machine is on Docker's."""

    def __init__(self, model):
        number = next(NUMBERS)
        self.bridge = f"br{number}"
        wanted = [config["subnet"] for config in (model.get("ipam") or {}).get("config") or []]
        subnet = ipaddress.ip_network(wanted[0] if wanted else f"10.77.{number}.0/24")
        self.prefix, self.hosts = subnet.prefixlen, subnet.hosts()
        self.gateway = next(self.hosts)
        sh("ip", "link", "add", self.bridge, "type", "bridge")
        sh("ip", "address", "add", f"{self.gateway}/{self.prefix}", "dev", self.bridge)
        sh("ip", "link", "set", self.bridge, "up")

    def join(self, namespace, index):
        """A cable from the namespace to the bridge; returns the address at its end."""
        address, outside, inside = next(self.hosts), f"{self.bridge}-{namespace}", f"eth{index}"
        sh("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", namespace)
        sh("ip", "link", "set", outside, "master", self.bridge, "up")
        sh("ip", "-n", namespace, "address", "add", f"{address}/{self.prefix}", "dev", inside)
        sh("ip", "-n", namespace, "link", "set", inside, "up")
        return str(address)
