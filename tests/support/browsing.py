"""Pages in Debian's chromium, which reaches nothing but this machine."""

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
"""How many milliseconds to wait for what a busy machine will show at last."""


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
    """Yield the page, which at the end has asked no other host for anything."""
    page = context.new_page()
    asked = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    page.goto(address)
    yield page
    # A page's own data: and blob: have no host.
    assert asked - {None, ""} == {"127.0.0.1"}
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
            found = re.search(r"http://127\.0\.0\.1:\d+\S*", line)
            assert found, f"{line}{process.stderr.read() if process.poll() is not None else ''}"
            yield found[0]
            process.send_signal(signal.SIGINT)
            rest, complaints = process.communicate(timeout=PATIENCE / 1000)
            assert (process.returncode, rest, complaints) == (0, "", "")
        finally:
            process.kill()


def save(page, name):
    """Keep a picture of the page where $GANEXP_SCREENSHOTS says so."""
    if os.environ.get("GANEXP_SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["GANEXP_SCREENSHOTS"], name))
