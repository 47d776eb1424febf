"""Whole downloads of large files: every answer is hashed, and the time to its first octet is taken."""

import hashlib
import http.client
import socket
import threading
import time

BUFFER_OCTETS = 1 << 20
PATIENCE_SECONDS = 120
MB, GB = 10**6, 10**9


def large_chunks(octets):
    """The bytes of a large file, each megabyte its own."""
    for start in range(0, octets, MB):
        length = min(MB, octets - start)
        yield (hashlib.sha256(b"%d" % start).digest() * (length // 32 + 1))[:length]


class File:
    """A large file: its length and its hash."""

    def __init__(self, octets):
        self.octets, digest = octets, hashlib.sha256()
        for chunk in large_chunks(octets):
            digest.update(chunk)
        self.digest = digest.hexdigest()

    def chunks(self):
        return large_chunks(self.octets)


class Client:
    """A kept connection that downloads into one buffer."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.host = bytearray(BUFFER_OCTETS), f"127.0.0.1:{port}"

    def close(self):
        self.connection.close()

    def download(self, path, file):
        """The time to the first octet of the body, which is whole."""
        digest, view = hashlib.sha256(), memoryview(self.buffer)
        began = time.perf_counter()
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        head = b""
        while not (end := head.find(b"\r\n\r\n")) + 1 or len(head) == end + 4:
            got = self.connection.recv(BUFFER_OCTETS)
            if not got:
                raise http.client.HTTPException("the connection ended before the body")
            head += got
        first = time.perf_counter() - began
        body, octets = head[end + 4:], len(head) - end - 4
        if not head.startswith(b"HTTP/1.1 200 "):
            raise http.client.HTTPException(head[:100])
        digest.update(body)
        while octets < file.octets:
            got = self.connection.recv_into(view, min(BUFFER_OCTETS, file.octets - octets))
            if not got:
                raise http.client.HTTPException(f"the connection ended after {octets} of {file.octets} octets")
            digest.update(view[:got])
            octets += got
        if octets != file.octets or digest.hexdigest() != file.digest:
            raise http.client.HTTPException("that is not the file")
        return first


def many(contestant, file, clients, each):
    """`clients` at once download the file `each` times: seconds, gigabytes, and the times to the first octets."""
    firsts, failed = [], []

    def work():
        try:
            client = Client(contestant.port)
            firsts.extend([client.download(contestant.paths[0], file) for _ in range(each)])
            client.close()
        except (OSError, http.client.HTTPException) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed or len(firsts) != clients * each:
        raise SystemExit(f"scripts/bench: {contestant.name}: downloads failed: {failed[:1]}")
    return {"seconds": time.perf_counter() - began, "per": clients * each * file.octets / GB, "firsts": firsts}
