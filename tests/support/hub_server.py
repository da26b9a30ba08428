"""A server on this machine that answers as the Hugging Face Hub does, for tests of publishing."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_of_the_tests"
READ_ONLY = "hf_that_may_only_read"


class Hub:
    """The models of a Hub, each a map from paths to bytes, and the requests for files."""

    def __init__(self, address):
        self.address = address
        self.models = {}
        self.asked = []

    def commit(self, name):
        """Return the commit of a model, a function of its files."""
        return hashlib.sha1(repr(sorted(self.models[name].items())).encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """The addresses that the Hub's client asks for."""

    hub = None

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        if not self.path.startswith("/api/models/"):
            return self.do_HEAD()
        name, _, revision = self.path.removeprefix("/api/models/").partition("/revision/")
        if name not in self.hub.models:
            return self.answer(404, headers={"X-Error-Code": "RepoNotFound"})
        commit = self.hub.commit(name)
        if revision not in ("", commit):
            return self.answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        return self.answer(200, json.dumps({"id": name, "sha": commit, "siblings": []}).encode())

    def do_HEAD(self):
        name, _, rest = self.path.lstrip("/").partition("/resolve/")
        revision, _, path = rest.partition("/")
        files = self.hub.models.get(name)
        if files is None:
            return self.answer(404, headers={"X-Error-Code": "RepoNotFound"})
        commit = self.hub.commit(name)
        assert revision == commit, self.path
        if path not in files:
            return self.answer(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        self.hub.asked.append(path)
        etag = hashlib.sha1(files[path]).hexdigest()
        return self.answer(200, files[path], {"X-Repo-Commit": commit, "ETag": f'"{etag}"'})

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


@contextmanager
def serving():
    """Serve an empty Hub on a free port."""
    handler = type("HandlerOfOneHub", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        handler.hub = Hub(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield handler.hub
        finally:
            http.shutdown()
            thread.join()
