"""Board: curves and samples in a browser while a run trains, and one-line errors."""

import signal
import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest

from ganexp.cli import board
from support.browsing import PATIENCE, browser, page_at, save, serving
from support.runs import TINY

PIXELS = "document.querySelector('canvas')?.toDataURL() ?? null"
needs_trackio = pytest.mark.skipif(find_spec("trackio") is None, reason="pip install 'ganexp[board]'")


def test_missing_trackio_is_reported_with_the_package_to_install(ganexp, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    ended = ganexp("board")
    assert ended.status == 2
    assert ended.complaint == "logger=trackio and board need a package: pip install 'ganexp[board]'"


@needs_trackio
def test_an_occupied_or_invalid_port_is_reported(ganexp):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (taken.getsockname()[1], 70_000):
            ended = ganexp("board", f"port={port}")
            assert ended.status == 2
            assert ended.complaint == f"port={port}: cannot be used; choose another, or leave it out"


@needs_trackio
def test_a_folder_without_trackio_runs_is_reported(ganexp, here):
    ended = ganexp("board", f"runs={here}")
    assert ended.status == 2
    assert f"runs={here}: no run there was trained with logger=trackio" in ended.complaint


def test_help_lists_the_arguments(ganexp):
    shown = ganexp("board", "--help")
    assert shown.status == 0
    assert all(word in shown.out for word in ("runs", "port", "project", "database"))


@pytest.fixture
def training(tmp_path):
    """A run that trains until it is stopped, with trackio's database in a cache of its own."""
    endless = [*TINY, "images=100000000", "callbacks.curves.every=640", "callbacks.samples.every=6400"]
    command = [sys.executable, "-m", "ganexp", *endless, "logger=trackio", f"run_dir={tmp_path / 'run'}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE / 1000)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))


@needs_trackio
@pytest.mark.slow
def test_curves_grow_and_samples_appear_in_a_browser_while_a_run_trains(own_cache, training, tmp_path):
    with (
        browser(tmp_path / "profile") as context,
        serving("board") as address,
        page_at(context, address) as page,
    ):
        page.get_by_text("loss (2)").wait_for()
        page.locator("canvas").first.wait_for()
        before = page.evaluate(PIXELS)
        page.wait_for_function(f"old => ![null, old].includes({PIXELS})", arg=before)
        assert training.poll() is None
        assert page.get_by_text("X-axis").first.is_visible()
        save(page, "board_curves.png")

        page.get_by_role("button", name="Media").or_(page.get_by_role("link", name="Media")).first.click()
        picture = page.locator("img[src*='/file?path=']").first
        picture.wait_for()
        page.wait_for_function("image => image.complete && image.naturalWidth > 100", arg=picture.element_handle())
        save(page, "board_samples.png")
        assert training.poll() is None


@needs_trackio
def test_foreign_hosts_and_origins_are_refused():
    httpx = pytest.importorskip("httpx")
    trackio = board.trackio_store.import_trackio(None)
    server, address = board.start(trackio, None, ["gpu.example.org"])
    try:
        for headers, status in [
            ({}, 200),
            ({"host": "gpu.example.org"}, 200),
            ({"host": "evil.example"}, 403),
            ({"origin": "http://evil.example"}, 403),
        ]:
            assert httpx.get(address, headers=headers).status_code == status
    finally:
        server.should_exit = True


def test_a_proxy_is_named_without_port(ganexp):
    ended = ganexp("board", "hosts=gpu.example.org:80")
    assert (ended.status, "without scheme and port" in ended.complaint) == (2, True)
