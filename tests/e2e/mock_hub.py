"""A model hub on this machine for tests: the protocols of Hugging Face and ModelScope, and its faults.

A fault is a function of a Request that may answer it (and return True) or change how it is answered.
"""

import hashlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LFS_BYTES = 4096  # files from this size on have a SHA-256 in the listing


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class MockHub:
    """Serves `repos`: {"org/name": {"path": bytes}}. Use as a context; `url` is its address."""

    def __init__(self, repos, certificate=None, page_size=1000, token=None, cdn=None):
        self.repos, self.page_size, self.token, self.cdn = repos, page_size, token, cdn
        self.certificate, self.faults, self.log = certificate, [], []
        self.lock, self.file_bytes, self.busy, self.most_busy = threading.Lock(), 0, 0, 0
        self.digests = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                pass

            def do_GET(self):
                hub.answer(self)

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate[0], certificate[1])
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def sha256(self, repo, path):
        key = (repo, path)
        if key not in self.digests:
            self.digests[key] = hashlib.sha256(self.repos[repo][path]).hexdigest()
        return self.digests[key]

    def answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        path, query = urllib.parse.unquote(url.path), urllib.parse.parse_qs(url.query)
        with self.lock:
            self.log.append((path, dict(handler.headers)))
        for fault in list(self.faults):
            if fault(self, handler, path):
                return
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}" \
                and not path.startswith("/cdn/"):
            self.send(handler, 401, b"{}", {"X-Error-Message": "Access to model is restricted"})
            return
        for pattern, method in ((r"/api/models/([^/]+/[^/]+)/revision/(.+)", self.revision),
                                (r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", self.tree),
                                (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.resolve),
                                (r"/cdn/([^/]+/[^/]+)/(.+)", self.content),
                                (r"/api/v1/models/([^/]+/[^/]+)/repo/files", self.modelscope_files),
                                (r"/api/v1/models/([^/]+/[^/]+)/repo", self.modelscope_file)):
            found = re.fullmatch(pattern, path)
            if found and found.group(1) in self.repos:
                method(handler, query, *found.groups())
                return
        self.send(handler, 404, b"{}", {"X-Error-Message": "Repository not found"})

    def send(self, handler, status, body, headers=None, kind="application/json"):
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def revision(self, handler, query, repo, revision):
        del query, repo
        if revision not in ("main", "v1", COMMIT):
            self.send(handler, 404, b"{}", {"X-Error-Message": "Invalid rev id"})
            return
        self.send(handler, 200, json.dumps({"sha": COMMIT, "id": "x"}).encode())

    def tree(self, handler, query, repo, commit):
        entries = []
        for path, content in sorted(self.repos[repo].items()):
            entry = {"type": "file", "oid": "0" * 40, "size": len(content), "path": path}
            if len(content) >= LFS_BYTES:
                entry["lfs"] = {"oid": self.sha256(repo, path), "size": len(content), "pointerSize": 134}
            entries.append(entry)
        entries.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": "folder"})
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + self.page_size < len(entries):
            headers["Link"] = (f'<{self.url}/api/models/{repo}/tree/{commit}?recursive=true'
                               f'&cursor={start + self.page_size}>; rel="next"')
        self.send(handler, 200, json.dumps(entries[start:start + self.page_size]).encode(), headers)

    def resolve(self, handler, query, repo, commit, path):
        del query
        if path not in self.repos[repo]:
            self.send(handler, 404, b"{}")
            return
        if len(self.repos[repo][path]) < LFS_BYTES:
            self.content(handler, {}, repo, path)
            return
        target = (self.cdn.url if self.cdn else "") + f"/cdn/{repo}/{path}?signed=1"
        self.send(handler, 302, b"", {
            "Location": target, "X-Repo-Commit": commit, "X-Linked-Size": str(len(self.repos[repo][path])),
            "X-Linked-Etag": f'"{self.sha256(repo, path)}"'})

    def content(self, handler, query, repo, path):
        del query
        if path in self.repos[repo]:
            self.send_file(handler, self.repos[repo][path])
        else:
            self.send(handler, 404, b"{}")

    def send_file(self, handler, content, ranges=True, status_of_range=206, rate=None, etag=None):
        """The file, or the range that is asked for; `rate` bytes per second."""
        begin, end, status, headers = 0, len(content), 200, {}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", "")) if ranges else None
        if etag:
            headers["ETag"] = etag
            if handler.headers.get("If-Range", etag) != etag:
                asked = None
        if asked:
            begin, end = int(asked.group(1)), min(int(asked.group(2)) + 1, len(content))
            if begin >= len(content):
                self.send(handler, 416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            status = status_of_range
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
        handler.send_response(status)
        headers["Content-Length"] = str(end - begin)
        headers.setdefault("Content-Type", "application/octet-stream")
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        with self.lock:
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            step = 64 << 10
            for at in range(begin, end, step):
                piece = content[at:min(at + step, end)]
                handler.wfile.write(piece)
                with self.lock:
                    self.file_bytes += len(piece)
                if rate:
                    time.sleep(len(piece) / rate)
        finally:
            with self.lock:
                self.busy -= 1

    def modelscope_files(self, handler, query, repo):
        if query.get("Revision", ["master"])[0] not in ("master", "v1"):
            self.send(handler, 404, json.dumps({"Code": 10010205001, "Message": "no such revision"}).encode())
            return
        files = [{"Path": path, "Name": path.split("/")[-1], "Size": len(content), "Type": "blob",
                  "Sha256": self.sha256(repo, path), "Revision": COMMIT}
                 for path, content in sorted(self.repos[repo].items())]
        files.append({"Path": "folder", "Name": "folder", "Size": 0, "Type": "tree", "Sha256": ""})
        self.send(handler, 200, json.dumps({"Code": 200, "Success": True, "Data": {"Files": files}}).encode())

    def modelscope_file(self, handler, query, repo):
        # As the hub does: ranges of small files come with status 200.
        self.send_file(handler, self.repos[repo][query["FilePath"][0]], status_of_range=200)


# Faults. Each is made for one kind of path.

def on(pattern, times=None):
    """Decorates a function (hub, handler, match): called for paths that match, `times` times."""
    def make(function):
        left = [times]

        def fault(hub, handler, path):
            found = re.search(pattern, path)
            if not found or left[0] == 0:
                return False
            if left[0] is not None:
                left[0] -= 1
            return function(hub, handler, found) is not False
        return fault
    return make


def status(pattern, code, times=None, headers=None, body=b"{}", kind="application/json"):
    return on(pattern, times)(lambda hub, handler, _: hub.send(handler, code, body, headers, kind))


def cut_after(pattern, count, content, times=None):
    """Promises the range, sends `count` bytes of it and closes the connection."""
    @on(pattern, times)
    def cut(hub, handler, _):
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers["Range"]).groups())
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        handler.send_header("Content-Length", str(last + 1 - first))
        handler.end_headers()
        handler.wfile.write(content[first:min(first + count, last + 1)])
        handler.wfile.flush()
        hub.file_bytes += min(count, last + 1 - first)
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True
    return cut


def make_certificate(folder):
    """A certificate for 127.0.0.1 and the file of its authority."""
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)  # noqa: E731
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
        "-subj", "/CN=Test authority")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=127.0.0.1")
    with open(f"{folder}/ext", "w", encoding="ascii") as ext:
        ext.write("subjectAltName=IP:127.0.0.1\n")
    run("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "host.pem",
        "-days", "2", "-extfile", "ext")
    return (f"{folder}/host.pem", f"{folder}/host.key"), f"{folder}/ca.pem"
