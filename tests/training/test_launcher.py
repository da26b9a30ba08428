"""Several processes that train one run behave as one command."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import torch

from ganexp.cli import main
from ganexp.records import summary
from ganexp.sweeps import table
from support.runs import NETWORKS, UNSCORED, images_seen, rows, wait_for

# Without batch normalization, which looks at a rank's own images, so that both runs are the same but for rounding.
GAME = [*NETWORKS, "data.batch_size=64", "normalization=spectral", "images=512", "callbacks.curves.every=128"]
SCORED = ["metric=fid_classifier", "scoring.samples=100", "scoring.every=256", "+extractor.classifier.epochs=1"]
TWO = [*NETWORKS, *[option for option in UNSCORED if option != "trainer=cpu"], "trainer=ddp_cpu", "images=256"]
ENDLESS = [*TWO, "images=10_000_000", "callbacks.samples.every=1_000", "callbacks.checkpoints.every=10_000_000"]
MODULE = [sys.executable, "-m", "ganexp"]


@contextmanager
def started(folder, *arguments, program=MODULE, **environment):
    """A command in a folder."""
    options = {"cwd": folder, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    with subprocess.Popen([*program, *arguments], env=environment, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(folder, *arguments, **options):
    """The exit status of a command, and the lines that it wrote to the terminal."""
    with started(folder, *arguments, **options) as process:
        said = process.communicate(timeout=600)[1]
    return process.returncode, said.splitlines()


def children(process):
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
    )
    return [int(number) for number in listed.stdout.split()]


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run of one process and the same of two, and what the latter said."""
    folder = tmp_path_factory.mktemp("runs")
    assert main.main([*GAME, *SCORED, "trainer=cpu", f"run_dir={folder / 'one'}"]) == 0
    status, said = ended(folder, *GAME, *SCORED, "trainer=ddp_cpu", "run_dir=two")
    assert status == 0, said
    return folder, said


@pytest.mark.slow
def test_two_processes_leave_the_run_of_one(runs):
    one, two = (runs[0] / name for name in ("one", "two"))
    assert {path.relative_to(one) for path in one.rglob("*")} == {path.relative_to(two) for path in two.rglob("*")}
    assert [row["images"] for row in rows(one)] == [row["images"] for row in rows(two)]
    for name in ("loss/discriminator/adversarial", "loss/generator/adversarial", "discriminator/fake_output"):
        expected, found = ([float(row[name]) for row in rows(each) if row[name]] for each in (one, two))
        assert len(expected) == 4
        assert found == pytest.approx(expected, rel=1e-4)
    scored = [json.loads((each / "scores.json").read_text())["scores"][0] for each in (one, two)]
    assert [each["images_seen"] for each in scored] == [512, 512]
    assert scored[1]["value"] == pytest.approx(scored[0]["value"], rel=1e-3)
    left = [torch.load(each / "checkpoints" / "last.ckpt", weights_only=True) for each in (one, two)]
    assert [each["ganexp"]["images_seen"] for each in left] == [512, 512]
    torch.testing.assert_close(left[0]["state_dict"], left[1]["state_dict"], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_only_the_first_process_speaks(runs):
    folder, said = runs
    assert len([line for line in said if line.startswith("512 images: fid_classifier")]) == 1
    assert len([line for line in said if line.startswith("data: ")]) == 1
    log = (folder / "two" / "log.txt").read_text()
    assert [line for line in said if line not in log] == []


@pytest.mark.slow
def test_one_process_goes_on_with_a_run_of_two_and_says_that_it_is_not_exact(runs, tmp_path, capsys):
    folder = shutil.copytree(runs[0] / "two", tmp_path / "run")
    assert main.main([f"resume={folder}", "images=640", "trainer=cpu"]) == 0
    assert "resumed with 1 rank(s), begun with 2: results are equal up to rounding" in capsys.readouterr().err
    assert rows(folder)[-1]["images"] == "640"


@pytest.mark.slow
def test_two_processes_go_on_with_a_run_of_two(tmp_path):
    whole, split = tmp_path / "whole", tmp_path / "split"
    longer = [*GAME, "metric=none", "trainer=ddp_cpu", "images=1024"]
    assert ended(tmp_path, *longer, f"run_dir={whole}")[0] == 0
    with started(tmp_path, *longer, f"run_dir={split}", "callbacks.samples.every=64") as process:
        wait_for(split / "samples" / "00000128.png", process)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 143, said
    assert said.splitlines()[-1].startswith("ganexp: SIGTERM: stopped after ")
    assert 128 <= images_seen(split) < 1024
    status, lines = ended(tmp_path, f"resume={split}")
    assert status == 0
    assert not [line for line in lines if "rank(s)" in line]
    states = [torch.load(each / "checkpoints" / "last.ckpt")["state_dict"] for each in (whole, split)]
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert rows(whole) == rows(split)


def complaint(lines):
    """The one line of complaint."""
    assert [line for line in lines if line.startswith("ganexp: ")] == lines[-1:], lines
    assert not [line for line in lines if "Traceback" in line]
    return lines[-1]


@pytest.mark.slow
def test_a_mistake_that_only_the_processes_find_is_told_once(tmp_path):
    status, lines = ended(tmp_path, *TWO, "+model.generator.nonsense=1", "run_dir=run")
    assert status == 2
    assert re.fullmatch(
        r"ganexp: model\.generator: Generator\S* got an unexpected keyword argument 'nonsense'", complaint(lines)
    )
    assert not (tmp_path / "run").exists()


FAILING = """
import lightning as L
from ganexp.errors import UserError

class Fails(L.Callback):
    def on_train_batch_end(self, trainer, module, *_):
        if trainer.global_rank == 1 and module.images_seen == 128:
            raise {error}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "expected", "last"),
    [
        ("UserError('the second says no')", 2, "ganexp: the second says no"),
        ("OSError(28, 'No space left on device', 'a file')", 1, "ganexp: cannot write a file: No space left on device"),
        ("KeyError('unforeseen')", 1, "KeyError: 'unforeseen'"),
    ],
)
def test_an_error_of_one_process_ends_all_and_is_the_one_that_is_told(tmp_path, error, expected, last):
    (tmp_path / "failing.py").write_text(FAILING.format(error=error))
    status, lines = ended(tmp_path, *TWO, "+callbacks.fails._target_=failing.Fails", "run_dir=run")
    assert status == expected
    assert [line for line in lines if last in line]
    if expected == 2:
        assert complaint(lines) == last
        assert "the second says no" in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.slow
def test_a_process_that_is_killed_ends_all(tmp_path):
    with started(tmp_path, *ENDLESS, "run_dir=run") as process:
        wait_for(tmp_path / "run" / "samples" / "00001024.png", process)
        ranks = children(process)
        assert len(ranks) == 2
        os.kill(ranks[1], signal.SIGKILL)
        said = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 1
    assert complaint(said).startswith("ganexp: rank 1 was killed")
    facts = summary.read(tmp_path / "run")
    assert (facts["status"], facts["reason"]) == ("crashed", complaint(said).removeprefix("ganexp: "))
    assert not [number for number in ranks if alive(number)]


@pytest.mark.slow
def test_none_is_left_over_when_the_command_is_killed(tmp_path):
    with started(tmp_path, *ENDLESS, "run_dir=run") as process:
        wait_for(tmp_path / "run" / "samples" / "00001024.png", process)
        ranks = children(process)
        process.kill()
        deadline = time.monotonic() + 20
        while any(alive(number) for number in ranks):
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.slow
def test_the_console_script_and_a_sweep_start_processes_too(tmp_path):
    script = [shutil.which("ganexp", path=os.path.dirname(sys.executable))]  # noqa: PTH120
    status, lines = ended(tmp_path, "-m", *TWO, "seed=1,2", "hydra.sweep.dir=sweep", program=script)
    assert status == 0, lines
    assert len(list((tmp_path / "sweep").glob("*/checkpoints/last.ckpt"))) == 2
    assert len([path for path in (tmp_path / "sweep").iterdir() if path.is_dir()]) == 2
    assert [row.run.status for row in table.read(tmp_path / "sweep").rows] == ["finished"] * 2


@pytest.mark.slow
def test_torchrun_starts_the_processes_of_one_run(tmp_path):
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "ganexp"]
    status, lines = ended(tmp_path, *TWO, program=program)
    assert status == 0, lines
    (run,) = tmp_path.glob("outputs/*/*")
    assert images_seen(run) == 256


@pytest.mark.slow
def test_two_machines_train_one_run(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    options = [*TWO, "trainer.devices=1", "trainer.num_nodes=2"]
    with started(tmp_path, *options, NODE_RANK="1", **place) as other:
        status, lines = ended(tmp_path, *options, NODE_RANK="0", **place)
        said = other.communicate(timeout=60)[1]
    assert (status, other.returncode) == (0, 0), (lines, said)
    (run,) = tmp_path.glob("outputs/*/*")
    assert images_seen(run) == 256
    assert said == ""
