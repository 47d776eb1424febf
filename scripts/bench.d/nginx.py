"""nginx, as well set up as its manual has it: the contestant, and the servers that it and attachlink read from."""

import base64
import hashlib
import os
import time

import processes

SECRET = "a-secret-of-the-benchmark"
LINKS_LAST_SECONDS = 86_400

MAIN = """{user}
worker_processes {workers};
worker_rlimit_nofile {files};
error_log {folder}/error.log error;
pid {folder}/pid;
daemon off;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 75;
    open_file_cache max=10000 inactive=600s;
    open_file_cache_valid 60s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""

# What nginx's users take instead of attachlink: whoever has the link may download, until it expires.
SECURE_LINK = """
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri {secret}";
            if ($secure_link = "") {{ return 403; }}
            if ($secure_link = "0") {{ return 410; }}
""".format(secret=SECRET)

# What attachlink says of each file beyond that (API: *Tokens and downloads*), for nginx's users who want the same.
SAME_HEADERS = r"""
            add_header Content-Disposition "attachment; filename=\"report.bin\"; filename*=UTF-8''report.bin";
            add_header Content-Security-Policy "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
            add_header X-Content-Type-Options nosniff;
            add_header Referrer-Policy no-referrer;
            add_header Cache-Control "private, no-store";
            add_header X-Robots-Tag noindex;
            add_header Cross-Origin-Resource-Policy same-origin;
            add_header X-Accel-Buffering no;
"""

# Small answers and large ones in a few reads, nothing on the disk.
TUNED_PROXY = """
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffers 8 64k;
            proxy_buffer_size 64k;
            proxy_busy_buffers_size 128k;
            proxy_max_temp_file_size 0;
"""


def upstream(name, port):
    return f"""
    upstream {name} {{ server 127.0.0.1:{port}; keepalive 1024; keepalive_requests 1000000000; }}"""


def server(port, locations, listen=""):
    return f"""
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096 {listen};
{locations}
    }}"""


def sendfile_site(port, root, listen="", more=""):
    """Files of a directory, by signed links."""
    return server(port, f"        location /files/ {{\n            root {root};{SECURE_LINK}{more}        }}", listen)


def proxy_site(port, store_port, bucket="/bucket", host=None, more="", http="", listen=""):
    """Objects of a store, by signed links."""
    host = f"proxy_set_header Host {host};" if host else ""
    location = f"""        location /files/ {{{SECURE_LINK}{TUNED_PROXY}            {host}{more}
            proxy_pass http://store{bucket}/;
        }}"""
    return http + upstream("store", store_port) + server(port, location, listen)


def signed(uri, more=""):
    """A link as secure_link wants it."""
    expires = int(time.time()) + LINKS_LAST_SECONDS
    digest = hashlib.md5(f"{expires}{uri} {SECRET}".encode()).digest()
    return f"{uri}?md5={base64.urlsafe_b64encode(digest).decode().rstrip('=')}&expires={expires}{more}"


class Nginx(processes.Process):
    """An nginx of its own folder, with one worker for each core; a context manager."""

    def __init__(self, folder, port, http):
        folder.mkdir(parents=True)
        self.port = port
        user = "user root;" if os.geteuid() == 0 else ""
        files = processes.resource.getrlimit(processes.resource.RLIMIT_NOFILE)[1]
        conf = MAIN.format(user=user, workers=os.cpu_count(), files=files, folder=folder, http=http)
        (folder / "nginx.conf").write_text(conf)
        command = ["nginx", "-e", folder / "error.log", "-c", folder / "nginx.conf", "-p", folder]
        super().__init__(command, folder / "said.log", lambda: processes.listens(port))
