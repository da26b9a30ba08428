"""Jobs of a real SLURM: preempted, cancelled, of several ranks."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ganexp.cli import main
from support import waiting
from support.cluster import cluster, missing
from support.runs import NETWORKS, images_seen, last_checkpoint, last_weights, rows

reason = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(reason is not None, reason=str(reason))]

GANEXP = [sys.executable, "-m", "ganexp"]
RUN = [*NETWORKS, "data.batch_size=64", "metric=none", "images=512", "callbacks.samples.every=1_000_000"]
WAITING = "+callbacks.wait._target_=waiting.Wait"
PATIENCE_SECONDS = 400


@pytest.fixture(scope="module")
def slurm():
    """The environment of a cluster, in which jobs find the code that this process runs."""
    with cluster() as environment:
        code = [str(Path(each).resolve()) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
        yield {**environment, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(code)}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with the callback that waits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copy(waiting.__file__, tmp_path)
    return tmp_path


def said(slurm, *command):
    return subprocess.run(command, env=slurm, capture_output=True, text=True, check=True).stdout


def wait_until(true, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)


def log(folder):
    return (folder / "log.txt").read_text()


def test_a_preempted_sweep_goes_back_into_the_queue_and_on_exactly(slurm, here, capsys):
    sweep = ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=low", "seed=1,2", "trainer=cpu"]
    folders = ["hydra.sweep.dir=sweep", "hydra.sweep.subdir=${seed}", WAITING, "+callbacks.wait.name=${seed}"]
    with (here / "said").open("w") as output:
        options = {"env": slurm, "stdout": output, "stderr": output}
        sweeping = subprocess.Popen([*GANEXP, "-m", *RUN, *sweep, *folders], **options)

    def everything():
        files = [here / "said", *here.rglob("*.out"), *here.rglob("*.err")]
        return "\n".join([said(slurm, "squeue"), *[path.read_text() for path in files]])

    try:
        wait_until(lambda: sweeping.poll() is not None or len([*here.glob("reached-*")]) == 2, everything)
        assert sweeping.poll() is None, everything()
        said(slurm, "sbatch", "--partition=high", "--ntasks=2", "--wrap=sleep 1", "--output=/dev/null")
        wait_until(lambda: said(slurm, "scontrol", "show", "job").count(" PreemptTime=2") == 2, everything)
        (here / "go").touch()
        assert sweeping.wait(PATIENCE_SECONDS) == 0, everything()
    finally:
        sweeping.kill()
    for seed in (1, 2):
        run, whole = here / "sweep" / str(seed), here / "whole" / str(seed)
        before, told, after = log(run).partition("is requeued, and continues from here")
        assert told, everything()
        assert "192/512 images" in before
        assert "256/512 images" not in before
        assert "256/512 images" in after
        arguments = [*RUN, f"seed={seed}", "trainer=cpu", f"run_dir={whole}", WAITING, f"+callbacks.wait.name={seed}"]
        assert main.main(arguments) == 0
        torch.testing.assert_close(last_weights(run), last_weights(whole), rtol=0, atol=0)
        torch.testing.assert_close(
            last_checkpoint(run)["optimizer_states"], last_checkpoint(whole)["optimizer_states"], rtol=0, atol=0
        )
        assert rows(run) == rows(whole)
    with capsys.disabled():
        print("", *[line for line in log(run).splitlines() if "images  " not in line], sep="\n")


def test_a_cancelled_job_of_two_ranks_saves_stays_out_of_the_queue_and_goes_on_when_told(slurm, here):
    command = [*GANEXP, *RUN, "trainer=slurm", "trainer.accelerator=cpu", "run_dir=run", WAITING]
    (here / "job.sh").write_text("#!/bin/sh\nexec srun " + " ".join([*command, "+callbacks.wait.name=run"]) + "\n")
    submit = ["sbatch", "--parsable", "--ntasks-per-node=2", "--output=said", "--open-mode=append", "job.sh"]

    def ended(job):
        return not said(slurm, "squeue", "--noheader", "--jobs", job).strip()

    first = said(slurm, *submit).strip()
    wait_until((here / "reached-run").exists, lambda: (here / "said").read_text())
    said(slurm, "scancel", first)
    wait_until(lambda: "SIGTERM: saving" in log(here / "run"), lambda: (here / "said").read_text())
    (here / "go").touch()
    wait_until(lambda: ended(first), lambda: (here / "said").read_text())
    assert images_seen(here / "run") in (192, 256)
    assert f"SIGTERM without preemption: job {first} is not requeued" in log(here / "run")
    shown = said(slurm, "scontrol", "show", "job", first)
    assert "JobState=CANCELLED" in shown
    assert "Restarts=0" in shown
    second = said(slurm, *submit).strip()
    wait_until(lambda: ended(second), lambda: (here / "said").read_text())
    assert images_seen(here / "run") == 512, (here / "said").read_text()
    assert last_checkpoint(here / "run")["ganexp"]["ranks"] == 2
