"""The part of a W&B server that a run needs to start, on this machine."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLOSED = "closed"
"""Instead of a status: the connection is closed without a response."""
PROJECT = {"id": "p", "name": "ganexp", "entity": {"id": "e", "name": "me"}}
BUCKET = {"id": "b", "name": "run", "displayName": "run", "config": "{}", "historyLineCount": 0, "project": PROJECT}
ANSWERS = {
    "RunResumeStatus": {"model": {**PROJECT, "bucket": None}},
    "UpsertBucket": {"upsertBucket": {"bucket": BUCKET, "inserted": True}},
    "CreateRunFiles": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": []}},
}


class Service(ThreadingHTTPServer):
    """Responds like a new project, or to every request with the status ``answer``; ``asked`` lists the requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = 200
        self.asked = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.answer == CLOSED:
            self.server.asked.append(self.path)
            self.close_connection = True
            return
        query = json.loads(body)["query"] if self.path == "/graphql" else None
        name = re.search(r"(?:query|mutation)\s+(\w+)", query)[1] if query else self.path
        self.server.asked.append(name)
        answer = json.dumps({"data": ANSWERS.get(name, {})}).encode()
        self.send_response(self.server.answer)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST

    def log_message(self, *_):
        pass


@contextmanager
def served():
    """A running server."""
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
