"""A good client on another address of this machine: downloads a small file again and again, and takes the time."""

import socket
import threading
import time

ADDRESS = "127.0.0.2"
EACH_SECONDS = 0.02
PATIENCE_SECONDS = 30


def download(port, path, octets):
    """One click: a connection of its own. Returns the seconds until the last octet."""
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS, source_address=(ADDRESS, 0)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = bytearray()
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or len(body) != octets:
        raise ConnectionError(f"not the file: {bytes(head[:60])!r}, {len(body)} octets")
    return time.perf_counter() - started


class GoodClient:
    """Downloads while the context lasts; `seconds` are those of each download, `failed` what went wrong."""

    def __init__(self, port, path, octets):
        self.asked, self.over = (port, path, octets), threading.Event()
        self.seconds, self.failed = [], []
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.wait(EACH_SECONDS):
            try:
                self.seconds.append(download(*self.asked))
            except OSError as error:
                self.failed.append(str(error))


def percentile(seconds, share):
    """In milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
