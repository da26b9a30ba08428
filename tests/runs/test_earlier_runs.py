"""Runs of earlier versions: resumed, sampled from and compared."""

import csv
import shutil
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from ganexp.config.composition import conf_dir
from ganexp.runs.places import places
from ganexp.runs.renamed_targets import RENAMED, rename_targets
from support.runs import last_checkpoint

FIXTURES = Path(__file__).parents[1] / "fixtures"
RUNS = {"dcgan_small": 416, "pix2pix": 20}
TARGETS = (FIXTURES / "targets_before_0.2.txt").read_text().split()


@pytest.fixture(params=RUNS)
def earlier(request, here):
    return Path(shutil.copytree(FIXTURES / "runs" / request.param, here / request.param))


def curve_of(run):
    """Return the discriminator's loss by images, as far as the checkpoint has it."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = [(int(row["images"]), row["loss/discriminator/adversarial"]) for row in csv.DictReader(file)]
    return [row for row in rows if row[1] and row[0] <= RUNS[run.name]]


@pytest.mark.parametrize("target", TARGETS)
def test_every_earlier_target_exists_or_is_renamed(target):
    assert RENAMED.get(target, target) in set().union(*places(conf_dir()).targets.values())


@pytest.mark.parametrize("target", RENAMED)
def test_a_renamed_target_was_an_earlier_one_and_its_new_name_exists(target):
    assert target in TARGETS
    assert callable(get_object(RENAMED[target]))


def test_targets_are_renamed_at_any_depth_and_references_are_left(monkeypatch):
    monkeypatch.setitem(RENAMED, "a.Old", "a.New")
    config = OmegaConf.create({"x": [{"_target_": "a.Old"}, "${y}"], "y": {"_target_": "b.Other", "z": "???"}})
    rename_targets(config)
    assert OmegaConf.to_container(config) == {
        "x": [{"_target_": "a.New"}, "${y}"],
        "y": {"_target_": "b.Other", "z": "???"},
    }


def test_an_earlier_run_is_resumed_with_its_weights_optimizers_and_curves(earlier, ganexp):
    curve = curve_of(earlier)
    seen = RUNS[earlier.name]
    before = last_checkpoint(earlier)
    budget = seen + 2 * OmegaConf.load(earlier / "config.yaml").data.batch_size
    assert ganexp(f"resume={earlier}", f"images={budget}", "trainer=cpu").status == 0
    after = last_checkpoint(earlier)
    assert after["ganexp"]["images_seen"] == budget
    assert after["state_dict"].keys() == before["state_dict"].keys()
    steps = [int(next(iter(state["state"].values()))["step"]) for state in after["optimizer_states"]]
    assert steps == [int(next(iter(state["state"].values()))["step"]) + 2 for state in before["optimizer_states"]]
    assert curve_of(earlier)[: len(curve)] == curve


def test_an_earlier_run_is_sampled_from(earlier, here, ganexp):
    assert ganexp("sample", f"run={earlier}", "n=8", f"out={here / 'drawn'}").status == 0
    assert len(list((here / "drawn").glob("0*.png"))) == 8


def test_earlier_runs_are_compared(here, ganexp):
    run = shutil.copytree(FIXTURES / "runs" / "dcgan_small", here / "dcgan_small")
    outcome = ganexp("compare", run, "at=32")
    assert outcome.status == 0, outcome.err
    assert "fid_classifier" in outcome.out
