"""One process at a time writes to a run's folder, and whoever is refused leaves it as it was."""

import multiprocessing
import os
import signal
import time

import pytest

from ganexp.errors import UserError
from ganexp.files import folder_lock
from ganexp.runs import run_folder, run_lock
from support.locks import held_elsewhere
from support.runs import TINY

BUSY = "is in use by process 4321 on node7 since 2026-01-01"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ["resume={run}", "images=512"],
        ["evaluate", "run={run}", "samples=[100]"],
        ["analyze", "run={run}", "analysis=walk"],
        [*TINY, "run_dir={run}"],
    ],
    ids=["resume", "evaluate", "analyze", "train"],
)
def test_a_command_that_writes_names_who_is_writing_and_changes_nothing(ganexp, run, monkeypatch, command):
    monkeypatch.setattr(run_lock, "PATIENCE_SECONDS", 0)
    with held_elsewhere(run):
        before = contents(run)
        outcome = ganexp(*(word.format(run=run) for word in command))
        assert outcome.status == 2
        assert outcome.complaint.startswith(f"{run} {BUSY}")
        assert contents(run) == before


def test_a_second_start_of_a_run_without_a_checkpoint_deletes_nothing(ganexp, here, monkeypatch):
    monkeypatch.setattr(run_lock, "PATIENCE_SECONDS", 0)
    run = here / "run"
    (run / "checkpoints").mkdir(parents=True)
    for name in ("config.yaml", "log.txt", "summary.json"):
        (run / name).write_text("being written")
    with held_elsewhere(run):
        before = contents(run)
        assert BUSY in ganexp(*TINY, "run_dir=run").complaint
        assert contents(run) == before
        assert (run / "checkpoints").is_dir()


def test_a_mistake_in_a_second_start_deletes_nothing(ganexp, here, run):
    before = contents(run)
    for mistake in ("images=0", "optimizer.generator.lr=-1.0"):
        assert ganexp(*TINY, f"run_dir={run}", mistake).status == 2
        assert contents(run) == before


def test_a_run_that_does_not_start_leaves_no_folder(ganexp, here):
    for mistake in ("images=0", "optimizer.generator.lr=-1.0"):
        assert ganexp(*TINY, "run_dir=runs/run", mistake).status == 2
        assert list(here.iterdir()) == []


def test_only_what_was_not_there_before_is_discarded(tmp_path):
    (tmp_path / "log.txt").touch()
    present = run_folder.files_of_run(tmp_path)
    (tmp_path / "config.yaml").touch()
    (tmp_path / "checkpoints").mkdir()
    run_folder.discard_unused(tmp_path, present)
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def test_analyses_written_elsewhere_need_no_lock(ganexp, run, tmp_path, monkeypatch):
    from ganexp.evaluation import analyze

    monkeypatch.setattr(analyze, "analyze", lambda *_: print("analyzed"))
    with held_elsewhere(run):
        assert ganexp("analyze", f"run={run}", "analysis=walk", f"out={tmp_path / 'out'}").out == "analyzed\n"


def test_the_lock_is_held_once_and_released_at_the_outermost_end(tmp_path):
    (tmp_path / "kept").touch()
    with run_lock.exclusive(tmp_path):
        with run_lock.exclusive(tmp_path):
            assert folder_lock.holder(tmp_path).startswith(f"process {os.getpid()} on ")
        assert folder_lock.is_held(tmp_path)
    assert not folder_lock.is_held(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "kept"]


def test_an_error_releases_the_lock(tmp_path):
    with pytest.raises(ZeroDivisionError), run_lock.exclusive(tmp_path):
        raise ZeroDivisionError
    assert not folder_lock.is_held(tmp_path)


def test_a_link_that_leads_out_is_not_followed(tmp_path):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    run.mkdir()
    elsewhere.write_text("mine")
    (run / folder_lock.HOLDER).symlink_to(elsewhere)
    with pytest.raises(UserError, match=r"\.lock\.json is a link to"), run_lock.exclusive(run):
        pass
    assert elsewhere.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path, text):
    (tmp_path / folder_lock.HOLDER).write_text(text)
    assert folder_lock.holder(tmp_path) == "another process"


def hold(folder, ready):
    with run_lock.exclusive(folder):
        worker = os.fork()
        if not worker:
            time.sleep(60)
            os._exit(0)
        (folder / "worker").write_text(str(worker))
        ready.set()
        signal.pause()


def test_the_system_releases_the_lock_of_a_process_that_is_killed_also_if_its_workers_live_on(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(60)
    with folder_lock.locked(tmp_path) as is_held:
        assert not is_held
    assert folder_lock.holder(tmp_path).startswith(f"process {process.pid} on ")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with run_lock.exclusive(tmp_path):
        assert folder_lock.holder(tmp_path).startswith(f"process {os.getpid()} on ")
        # Ends the worker, which raises if it has ended already.
        os.kill(int((tmp_path / "worker").read_text()), signal.SIGKILL)
