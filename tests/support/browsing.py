"""Pages in Debian's chromium, which can connect to this machine only."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PATIENCE = 120_000
"""Milliseconds to wait, generous for a busy machine."""


@contextmanager
def browser(profile):
    """Yield a browser; skip the test, with the reason, where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        context = running.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1400, "height": 1000}
        )
        context.set_default_timeout(PATIENCE)
        yield context
        context.close()


@contextmanager
def page_at(context, address):
    """Yield the page; at the end, fail if it requested anything from another host."""
    page = context.new_page()
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(address)
    yield page
    # A page's own data: and blob: have no host.
    assert hosts - {None, ""} == {"127.0.0.1"}
    page.close()


def take_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def serving(*command):
    """Run a command that serves a page until Ctrl-C, and yield the address that it prints."""
    ganexp = [sys.executable, "-m", "ganexp", *map(str, command)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    with subprocess.Popen(ganexp, **pipes, preexec_fn=take_interrupts) as process:
        try:
            line = process.stdout.readline()
            match = re.search(r"http://127\.0\.0\.1:\d+\S*", line)
            assert match, f"{line}{process.stderr.read() if process.poll() is not None else ''}"
            yield match[0]
            process.send_signal(signal.SIGINT)
            rest, complaints = process.communicate(timeout=PATIENCE / 1000)
            assert (process.returncode, rest, complaints) == (0, "", "")
        finally:
            process.kill()


def save(page, name):
    """Save a screenshot of the page to the folder $GANEXP_SCREENSHOTS, if it is set."""
    if os.environ.get("GANEXP_SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["GANEXP_SCREENSHOTS"], name))
