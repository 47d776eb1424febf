"""A fast S3 store that is none: nginx gives the objects, and Python answers the few calls that write or list."""

import http.server
import threading
import urllib.parse
import urllib.request

import nginx
import processes
from service import s3_settings

BUCKET = "bucket"

# What is read comes from the directory, with nginx's own entity tags and conditions. attachlink signs; nobody looks.
SITE = """
        location /{bucket}/ {{
            root {root};
            error_page 404 = @missing;
            error_page 418 = @rest;
            if ($request_method !~ ^(GET|HEAD)$) {{ return 418; }}
        }}
        location = /{bucket} {{ proxy_pass http://127.0.0.1:{rest}; }}
        location = /{bucket}/ {{ proxy_pass http://127.0.0.1:{rest}; }}
        location = /asked {{ stub_status; }}
        location @rest {{ proxy_pass http://127.0.0.1:{rest}; }}
        location @missing {{
            default_type application/xml;
            return 404 '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>';
        }}"""

LIST = "<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>"
UPLOADS = "<ListMultipartUploadsResult><Bucket>{bucket}</Bucket><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
BEGUN = "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><UploadId>one</UploadId></InitiateMultipartUploadResult>"


class Rest(http.server.BaseHTTPRequestHandler):
    """Marks of revocations, lists, and uploads that are begun and given up: what a start of attachlink asks for."""

    protocol_version = "HTTP/1.1"
    keys = None

    def answer(self, status, body="", **headers):
        body = body.encode()
        self.send_response(status)
        for name, value in (headers | {"Content-Type": "application/xml", "Content-Length": len(body)}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def key(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def read(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_HEAD(self):
        self.answer(200)

    def do_GET(self):
        if "uploads" in urllib.parse.urlsplit(self.path).query.split("&")[0]:
            return self.answer(200, UPLOADS.format(bucket=BUCKET))
        keys = "".join(f"<Contents><Key>{key}</Key><Size>0</Size></Contents>" for key in sorted(self.keys))
        return self.answer(200, LIST.format(bucket=BUCKET, keys=keys))

    def do_POST(self):
        self.read()
        self.answer(200, BEGUN.format(bucket=BUCKET))

    def do_PUT(self):
        self.read()
        self.keys.add(self.key())
        self.answer(200, ETag='"mark"')

    def do_DELETE(self):
        self.keys.discard(self.key())
        self.answer(204)

    def log_message(self, *_):
        pass


class Store:
    """The store in a folder; a context manager. What lies in `objects` is there. `listen`: settings of its sockets."""

    def __init__(self, folder, listen=""):
        self.folder, self.objects, self.listen = folder, folder / BUCKET, listen
        self.objects.mkdir(parents=True)

    def __enter__(self):
        handler = type("RestOfStore", (Rest,), {"keys": set()})
        self.rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.rest.daemon_threads = True
        threading.Thread(target=self.rest.serve_forever, daemon=True).start()
        (self.port,) = processes.free_ports(1)
        site = SITE.format(bucket=BUCKET, root=self.folder, rest=self.rest.server_address[1])
        self.nginx = nginx.Nginx(self.folder / "nginx", self.port, nginx.server(self.port, site, self.listen))
        self.nginx.__enter__()
        return self

    def __exit__(self, *_):
        self.nginx.__exit__()
        self.rest.shutdown()
        self.rest.server_close()

    @property
    def pid(self):
        return self.nginx.pid

    def asked(self):
        """How many requests there have been."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/asked") as answer:
            _, _, counts, *_ = answer.read().decode().splitlines()
        return int(counts.split()[2])

    def put(self, key, chunks):
        """Puts an object there."""
        path = self.objects / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            for chunk in chunks:
                file.write(chunk)

    def settings(self):
        """What attachlink needs to use it."""
        return s3_settings(BUCKET, self.port, "us-east-1", "any", "any")
