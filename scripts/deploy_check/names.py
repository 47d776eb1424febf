"""A stand-in for Docker's name server: names.py ADDRESS PORT FILE

Answers A queries from FILE, a JSON object of lists of addresses, which is read for each of them: so a container that
ends is gone from the next answer, as with Docker.
"""

import json
import socket
import struct
import sys
from pathlib import Path

A_IN = struct.pack("!HH", 1, 1)
ANSWERED, UNKNOWN = 0x8180, 0x8183
TTL_SECONDS = 600


def question(query):
    """The name that is asked for, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), at + 5


def answer(query, names):
    name, end = question(query)
    addresses = names.get(name, []) if query[end - 4 : end] == A_IN else []
    flags = ANSWERED if name in names else UNKNOWN
    records = b"".join(struct.pack("!HHHIH", 0xC00C, 1, 1, TTL_SECONDS, 4) + socket.inet_aton(a) for a in addresses)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + query[12:end] + records


def main():
    address, port, file = sys.argv[1:]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query, json.loads(Path(file).read_text())), client)


if __name__ == "__main__":
    main()
