"""A server of a folder's files on this machine, for tests of downloads."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest


@contextmanager
def running(handler):
    """Run a server with this request handler on a free port; its address, without a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


@contextmanager
def serving(folder):
    """Serve a new folder on a free port: (folder, address, paths asked for)."""
    folder.mkdir()
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            asked.append(self.path)

    with running(partial(Handler, directory=str(folder))) as address:
        yield folder, f"{address}/", asked


@pytest.fixture
def server(tmp_path):
    """Serves a folder on a free port: (folder, address, paths asked for)."""
    with serving(tmp_path / "served") as served:
        yield served
