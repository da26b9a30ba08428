"""Runs of a sweep in other processes are the same runs, and are told as if they were in this one."""

import csv

import pytest
import torch

from ganexp.cli import main
from support.runs import TINY


def table(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return {row["seed"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher", [["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"], ["hydra/launcher=submitit_local"]]
)
def test_runs_in_other_processes_are_those_of_this_one_and_one_that_fails_ends_no_other(ganexp, here, launcher):
    outcome = ganexp("-m", *TINY, *launcher, "seed=1,-1,2", "sweep_dir=sweep")
    assert outcome.status == 2
    assert "seed=-1: it must be a whole number" in outcome.complaint
    told = table(here / "sweep")
    assert {seed: row["status"] for seed, row in told.items()} == {"1": "finished", "-1": "refused", "2": "finished"}
    assert "seed=-1: it must be a whole number" in told["-1"]["reason"]
    assert main.main([*TINY, "seed=2", "run_dir=alone"]) == 0
    there = here / "sweep" / told["2"]["folder"]
    states = [torch.load(each / "checkpoints" / "last.ckpt")["state_dict"] for each in (there, here / "alone")]
    torch.testing.assert_close(*states, rtol=0, atol=0)


def test_without_slurm_its_launcher_says_so_in_one_line(ganexp, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = ganexp("-m", "hydra/launcher=submitit_slurm", *TINY, "seed=1,2")
    assert outcome.status == 2
    assert 'hydra/launcher: Could not detect "srun"' in outcome.complaint


def test_a_launcher_that_is_not_installed_is_refused_in_one_line(ganexp, monkeypatch):
    from hydra.core.plugins import Plugins

    name = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
    monkeypatch.delitem(Plugins.instance().class_name_to_class, name, raising=False)
    outcome = ganexp("-m", "hydra/launcher=joblib", *TINY, "seed=1,2")
    assert outcome.status == 2
    assert "pip install 'ganexp[sweeps]'" in outcome.complaint
