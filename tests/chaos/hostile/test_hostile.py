"""Hostile run folders and checkpoints, tried on every command that reads a run.

Nothing in them runs, nothing is written elsewhere, nothing takes more than ten seconds, and every refusal is one line.
`board` is not tried, as it reads a database of its own and no run's folder.
"""

import io
import json
import shutil
import signal
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from chaos.hostile.archives import ARCHIVES
from chaos.hostile.contents import AVERAGES, TRAINING, WEIGHTS
from chaos.hostile.folders import FOLDERS, WRITING
from ganexp.cli import main

pytestmark = pytest.mark.chaos

RUNS = Path(__file__).parents[2] / "fixtures" / "runs"
SECONDS = 10
SECRET = "do-not-print-this"
EVERYWHERE = {**FOLDERS, **ARCHIVES, **WEIGHTS}


def test_there_are_at_least_60_cases():
    assert len({**EVERYWHERE, **AVERAGES, **TRAINING, **WRITING}) >= 60


@contextmanager
def seconds_at_most(seconds):
    """Raise TimeoutError if the block takes more of the processor's time, however busy the machine is."""

    def end(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.fixture(scope="module", autouse=True)
def _commands_work(tmp_path_factory):
    """Every command works on a run that nobody changed; what it imports does not count as its time later."""
    folder = tmp_path_factory.mktemp("unchanged")
    with pytest.MonkeyPatch.context() as patch, suppress_output():
        patch.chdir(folder)
        patch.setattr("ganexp.demo.page.serve", lambda *_: None)
        run = shutil.copytree(RUNS / "dcgan_small", folder / "run")
        for name, command in commands(run).items():
            assert main.main(command) == 0, name


@contextmanager
def suppress_output():
    """Drop what the block prints."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


@pytest.fixture
def stranger(here, monkeypatch):
    """Makes a copy of a run hostile, and returns it."""
    (here / "out").mkdir()
    (here / "pictures").mkdir()
    (here / "start_file").write_text("mine\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("ganexp.demo.page.serve", lambda *_: None)

    def make(name, case, *, with_best=False):
        run = Path(shutil.copytree(RUNS / name, here / "run"))
        if not with_best:
            # A damaged last.ckpt would give way to it.
            (run / "checkpoints" / "best.ckpt").unlink(missing_ok=True)
        case(run, here / "trap")
        return run

    return make


@pytest.fixture
def attempt(here, ganexp):
    """Runs a command, and checks that it ends well or in one line, in time, and writes only where it should."""

    def bystanders():
        skipped = (here / "run", here / "out")
        return {path: path.stat() for path in here.rglob("*") if not any(path.is_relative_to(f) for f in skipped)}

    def run(*arguments):
        before = {path: (stat.st_size, stat.st_mtime_ns) for path, stat in bystanders().items() if path.is_file()}
        with seconds_at_most(SECONDS):
            outcome = ganexp(*arguments)
        after = {path: (stat.st_size, stat.st_mtime_ns) for path, stat in bystanders().items() if path.is_file()}
        assert before == after
        assert not (here / "trap").exists()
        assert SECRET not in outcome.out + outcome.err
        if outcome.status != 0:
            assert len(outcome.complaint) < 1000
        return outcome

    return run


def commands(run):
    """Return the commands that read a run's checkpoint, as a user types them."""
    return {
        "sample": ["sample", f"run={run}", "n=1", "out=out/drawn"],
        "evaluate": ["evaluate", f"run={run}", "metric=[is_classifier]", "samples=[8]"],
        "analyze": ["analyze", f"run={run}", "analysis=filters", "out=out/analysis"],
        "demo": ["demo", f"run={run}"],
        "resume": [f"resume={run}", "images=432", "trainer.accelerator=cpu", "callbacks.scores=null"],
    }


@pytest.mark.parametrize("case", EVERYWHERE.values(), ids=EVERYWHERE)
def test_no_command_follows_a_strangers_run(stranger, attempt, case):
    run = stranger("dcgan_small", case)
    for name, command in commands(run).items():
        assert attempt(*command).status != 0, name


@pytest.mark.parametrize("name", ["an empty file", "half a file", "a bare pickle that creates a file"])
def test_a_damaged_last_checkpoint_gives_way_to_a_whole_one_and_nothing_of_it_is_run(stranger, attempt, name):
    run = stranger("dcgan_small", ARCHIVES[name], with_best=True)
    assert attempt(*commands(run)["sample"]).status == 0


@pytest.mark.parametrize("case", [*FOLDERS.values(), *ARCHIVES.values()], ids=[*FOLDERS, *ARCHIVES])
def test_no_translation_follows_a_strangers_run(stranger, attempt, case):
    run = stranger("pix2pix", case)
    assert attempt("translate", f"run={run}", "input=pictures", "out=out/translated").status != 0
    assert attempt("sample", f"run={run}", "n=1", "out=out/drawn").status != 0


@pytest.mark.parametrize("case", AVERAGES.values(), ids=AVERAGES)
def test_no_command_follows_a_strangers_moving_average(stranger, attempt, case):
    run = stranger("dcgan_small", case)
    for name, command in commands(run).items():
        assert attempt(*command).status != 0, name


@pytest.mark.parametrize("case", {**TRAINING, **WRITING}.values(), ids={**TRAINING, **WRITING})
def test_training_does_not_continue_a_strangers_state(stranger, attempt, case):
    run = stranger("dcgan_small", case)
    assert attempt(*commands(run)["resume"]).status == 2
    # The weights are as they were.
    assert attempt(*commands(run)["sample"]).status == 0


@pytest.mark.parametrize("case", {**FOLDERS, **WRITING}.values(), ids={**FOLDERS, **WRITING})
def test_verify_builds_nothing_of_a_strangers(stranger, attempt, case):
    run = stranger("dcgan_small", case)
    assert attempt("verify", f"run={run}", "steps=1", "ranks=1").status != 0


BAD_RECORDS = {
    "nested": "[" * 200_000,
    "nested, but not too deeply to be read": '{"scores": ' + "[" * 900 + "]" * 900 + "}",
    "a list": "[]",
    "texts": json.dumps({"images_seen": "x", "numerics": [], "seconds": "y", "scores": "z"}),
    "long numbers": '{"images_seen": 1' + "0" * 5000 + "}",
}


@pytest.mark.parametrize("case", EVERYWHERE.values(), ids=EVERYWHERE)
def test_a_strangers_run_does_not_end_a_comparison(stranger, attempt, here, case):
    run = stranger("dcgan_small", case)
    own = shutil.copytree(RUNS / "dcgan_small", here / "out" / "own")
    assert attempt("compare", run, own, "out=out/report").status == 0


@pytest.mark.parametrize("text", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_strangers_records_do_not_end_a_comparison(stranger, attempt, here, text):
    def write(run, trap):
        for name in ("summary.json", "scores.json"):
            (run / name).write_text(text)

    run = stranger("dcgan_small", write)
    own = shutil.copytree(RUNS / "dcgan_small", here / "out" / "own")
    assert attempt("compare", run, own, "out=out/report").status == 0
