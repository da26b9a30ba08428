"""A server on this machine that answers as the Hugging Face Hub does for one data set, for tests of downloads."""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "a" * 40


class Handler(BaseHTTPRequestHandler):
    """The addresses that the client asks for."""

    name = ""
    files: dict = {}  # noqa: RUF012
    asked: list = []  # noqa: RUF012
    ranges: list = []  # noqa: RUF012

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        path = urlsplit(self.path).path
        self.asked.append(path)
        place, _, rest = path.partition("/resolve/")
        file = rest.partition("/")[2]
        if place == f"/datasets/{self.name}":
            if file not in self.files:
                return self.answer(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            content = self.files[file]
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if asked is None:
                return self.answer(200, content, headers)
            first, last = map(int, asked.groups())
            self.ranges.append((file, first, last + 1))
            part = content[first : last + 1]
            return self.answer(206, part, {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"})
        if path.startswith(f"/api/datasets/{self.name}/tree/"):
            return self.answer(200, json.dumps([entry(*file) for file in self.files.items()]).encode())
        if path.startswith(f"/api/datasets/{self.name}"):
            siblings = [{"rfilename": file} for file in self.files]
            return self.answer(200, json.dumps({"id": self.name, "sha": COMMIT, "siblings": siblings}).encode())
        return self.answer(404, headers={"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def answer(self, status, content=b"", headers=None):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def entry(path, content):
    return {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


@contextmanager
def serving(name, files, ranges=None):
    """Serve a data set; yield the address, and the list of what is asked for; ``ranges`` gets those of files."""
    ranges = [] if ranges is None else ranges
    handler = type("HandlerOfOneDataSet", (Handler,), {"name": name, "files": files, "asked": [], "ranges": ranges})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", handler.asked
        finally:
            http.shutdown()
            thread.join()
