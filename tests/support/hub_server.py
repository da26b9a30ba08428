"""A server on this machine that answers as the Hugging Face Hub does, for tests of publishing and of downloads."""

import base64
import hashlib
import json
import re
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from support.file_server import running

TOKEN = "hf_of_the_tests"
READ_ONLY = "hf_that_may_only_read"


class Hub:
    """The models and data sets of a Hub, each a map from paths to bytes, and what was asked for.

    ``asked`` has the paths of all addresses, ``read`` the (path, first byte, end) of what was sent of files. Every
    answer comes after ``delay`` seconds.
    """

    def __init__(self, address, datasets):
        self.address = address
        self.models = {}
        self.datasets = datasets
        self.asked = []
        self.read = []
        self.delay = 0.0

    def files(self, kind, name):
        """Return the files of one of the "models" or "datasets", None if there is no such one."""
        return getattr(self, kind).get(name)

    def commit(self, name, kind="models"):
        """Return the commit of a model or a data set, a function of its files."""
        return hashlib.sha1(repr(sorted(self.files(kind, name).items())).encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """The addresses that the Hub's client asks for."""

    hub = None

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        time.sleep(self.hub.delay)
        path = urlsplit(self.path).path
        self.hub.asked.append(path)
        about = re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)/?(.*)", path)
        if about is not None:
            return self.describe(about[1], about[2], about[3].split("/"))
        name, _, rest = path.lstrip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        kind = "datasets" if name.startswith("datasets/") else "models"
        return self.send_file(kind, name.removeprefix("datasets/"), revision, file)

    do_HEAD = do_GET

    def describe(self, kind, name, action):
        files = self.hub.files(kind, name)
        if files is None:
            return self.answer(404, headers={"X-Error-Code": "RepoNotFound"})
        commit = self.hub.commit(name, kind)
        if action[:1] == ["tree"]:
            return self.answer(200, json.dumps([entry(*file) for file in files.items()]).encode())
        if action[:1] == ["revision"] and action[1] not in (commit, "main"):
            return self.answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        siblings = [{"rfilename": file} for file in files]
        return self.answer(200, json.dumps({"id": name, "sha": commit, "siblings": siblings}).encode())

    def send_file(self, kind, name, revision, path):
        files = self.hub.files(kind, name)
        if files is None:
            return self.answer(404, headers={"X-Error-Code": "RepoNotFound"})
        commit = self.hub.commit(name, kind)
        if path not in files:
            return self.answer(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        assert revision in (commit, "main"), self.path
        content = files[path]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = map(int, asked.groups()) if asked else (0, len(content) - 1)
        self.hub.read.append((path, first, last + 1))
        if asked is None:
            return self.answer(200, content, headers)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return self.answer(206, content[first : last + 1], headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != TOKEN:
            return self.answer(403 if token == READ_ONLY else 401, b"{}")
        if self.path == "/api/validate-yaml":
            return self.answer(200, b"{}")
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            status = 409 if name in self.hub.models else 200
            self.hub.models.setdefault(name, {})
            return self.answer(status, json.dumps({"url": f"{self.hub.address}/{name}"}).encode())
        name, _, action = self.path.removeprefix("/api/models/").rpartition("/main")[0].rpartition("/")
        if action == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.answer(200, json.dumps({"files": files}).encode())
        assert action == "commit", self.path
        for entry in map(json.loads, body.splitlines()):
            if entry["key"] == "file":
                self.hub.models[name][entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
        commit = self.hub.commit(name)
        answer = {"commitUrl": f"{self.hub.address}/{name}/commit/{commit}", "commitOid": commit}
        return self.answer(200, json.dumps(answer).encode())

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
def serving(datasets=None):
    """Serve a Hub without models, and with these data sets, each a map from paths to bytes, on a free port."""
    handler = type("HandlerOfOneHub", (Handler,), {})
    with running(handler) as address:
        handler.hub = Hub(address, datasets or {})
        yield handler.hub
