"""Uploads are bounded, one and all together, and removed however the process ends."""

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import pytest

from ganexp.errors import Interrupted
from ganexp.serving.temporary import temporary_folder
from ganexp.serving.uploads import UploadBound, remove_oldest
from ganexp.serving.waiting import ended_by_signals, until_interrupted


async def read_all(scope, receive, send):
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def status(folder, *parts, announced=None):
    """The status of an upload of some parts, whose length is announced or not."""
    sent = []
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    bound = UploadBound(read_all, folder, request_bytes=100, kept_files=2, kept_bytes=50)
    asyncio.run(bound({"type": "http", "method": "POST", "headers": headers}, receive, send))
    return sent[0]["status"]


def test_an_upload_that_is_too_large_is_refused(tmp_path):
    assert status(tmp_path, bytes(60), bytes(40)) == 200
    assert status(tmp_path, bytes(60), bytes(41)) == 413
    assert status(tmp_path, announced=101) == 413


def test_all_uploads_together_are_bounded(tmp_path):
    files(tmp_path, 10, 10, 10, 10)
    assert status(tmp_path, b"") == 200
    assert names(tmp_path) == ["2", "3"]


def files(folder, *sizes):
    """Files of some sizes, the oldest first, each in a folder of its own."""
    for number, size in enumerate(sizes):
        path = folder / str(number) / "upload.png"
        path.parent.mkdir()
        path.write_bytes(bytes(size))
        os.utime(path, (number, number))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [((1, 1, 1, 1), ["1", "2", "3"]), ((10, 10, 9), ["1", "2"]), ((10, 30), ["1"]), ((1,), ["0"]), ((), [])],
)
def test_the_newest_files_within_both_bounds_are_kept(tmp_path, sizes, kept):
    files(tmp_path, *sizes)
    remove_oldest(tmp_path, kept_files=3, kept_bytes=20)
    assert names(tmp_path) == kept


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def fail_in_temporary_folder():
    with temporary_folder("demo-") as folder:
        (folder / "upload").touch()
        assert folder.stat().st_mode & 0o077 == 0
        raise ZeroDivisionError


def test_a_temporary_folder_is_removed_on_an_error(shared):
    with pytest.raises(ZeroDivisionError):
        fail_in_temporary_folder()
    assert not list(shared.iterdir())


def receive_in_temporary_folder(number):
    with ended_by_signals(), temporary_folder("demo-"):
        os.kill(os.getpid(), number)
        until_interrupted()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_temporary_folder_is_removed_on_a_signal(shared, number):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as ended:
        receive_in_temporary_folder(number)
    assert ended.value.status == 128 + number
    assert not list(shared.iterdir())
    assert signal.getsignal(number) == before


def test_folders_of_processes_that_were_killed_are_removed_and_those_of_others_kept(shared):
    killed = os.fork()
    if killed == 0:
        held = temporary_folder("demo-")
        held.__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(killed, 0)
    (shared / "linked").mkdir()
    (shared / "demo-link").symlink_to(shared / "linked")
    (shared / "demo-link.lock").touch()
    left = {path for path in shared.iterdir() if path.is_dir() and not path.is_symlink()} - {shared / "linked"}
    assert len(left) == 1
    with temporary_folder("demo-") as first:
        assert not Path(*left).exists()
        with temporary_folder("demo-") as second:
            assert first.is_dir()
            assert second.is_dir()
    assert (shared / "linked").is_dir()
