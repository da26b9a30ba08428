"""Settings that are changed when a run is resumed: applied, recorded, and kept."""

import shutil

import pytest
import yaml

from ganexp.records import changes, summary
from ganexp.records.changes import Change
from ganexp.runs.checkpoint_diff import differences
from ganexp.runs.fixed_settings import may_adjust
from support.runs import last_checkpoint

LR = "optimizer.generator.lr"


@pytest.fixture
def copies(finished, tmp_path):
    """Two copies of one run."""
    return [shutil.copytree(finished, tmp_path / name) for name in ("one", "other")]


def groups(run):
    """The hyperparameters of discriminator and generator in the last checkpoint."""
    return [state["param_groups"][0] for state in last_checkpoint(run)["optimizer_states"]]


def test_changes_on_the_command_line_are_applied_recorded_and_kept(ganexp, run):
    changed = [f"{LR}=1e-5", "optimizer.discriminator.betas=[0.1,0.9]", "data.batch_size=32", "model.gradient_clip=5.0"]
    outcome = ganexp(f"resume={run}", "images=384", *changed)
    assert outcome.status == 0
    assert f"{LR}=1e-05 from 256 images on, 0.0002 before" in outcome.err
    discriminator, generator = groups(run)
    assert generator["lr"] == 1e-5
    assert tuple(discriminator["betas"]) == (0.1, 0.9)
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["optimizer"]["generator"]["lr"] == 1e-5
    assert config["data"]["batch_size"] == 32
    recorded = changes.recorded(summary.read(run))
    assert {change.setting: change.images for change in recorded} == {
        LR: 256,
        "optimizer.discriminator.betas": 256,
        "data.batch_size": 256,
        "model.gradient_clip": 256,
    }
    compared = " ".join(ganexp("compare", str(run)).out.split())
    assert f"settings changed: {LR}=1e-05 from 256 images on" in compared
    # Kept by the next resume, which has nothing to report.
    again = ganexp(f"resume={run}", "images=512")
    assert again.status == 0
    assert "settings have changed" not in again.err
    assert groups(run)[1]["lr"] == 1e-5
    assert changes.recorded(summary.read(run)) == recorded


def test_a_changed_run_is_resumed_bit_for_bit(ganexp, copies):
    straight, stopped = copies
    every = "callbacks.curves.every=64"
    assert ganexp(f"resume={straight}", "images=384", every, f"{LR}=1e-5").status == 0
    assert ganexp(f"resume={stopped}", "images=320", every, f"{LR}=1e-5").status == 0
    assert ganexp(f"resume={stopped}", "images=384", every).status == 0
    assert differences(last_checkpoint(straight), last_checkpoint(stopped)) == []


@pytest.mark.slow
def test_the_runs_own_values_are_no_change(ganexp, copies):
    repeated, plain = copies
    assert ganexp(f"resume={repeated}", "images=320", f"{LR}=2e-4", "seed=0", "data.batch_size=64").status == 0
    assert ganexp(f"resume={plain}", "images=320").status == 0
    assert differences(last_checkpoint(repeated), last_checkpoint(plain)) == []
    assert changes.recorded(summary.read(repeated)) == []


@pytest.mark.parametrize(
    ("key", "value", "may"),
    [
        ("optimizer.generator.lr", 1e-4, True),
        ("optimizer.generator._target_", "torch.optim.Adam", False),
        ("penalty.gradient_penalty.weight", 10.0, True),
        ("model.critic_steps", 5, True),
        ("model.gradient_clip", None, True),
        ("model.latent", 100, False),
        ("model.generator.width", 64, False),
        ("data.image_size", 32, False),
        ("seed", 0, False),
    ],
)
def test_what_networks_and_data_are_made_of_may_not_be_adjusted(key, value, may):
    assert may_adjust(key, value) is may


def test_a_change_replaces_later_ones_and_those_at_the_same_image(tmp_path):
    changes.record(tmp_path, [Change(100, "a", 1, 2)], 100)
    changes.record(tmp_path, [Change(300, "a", 2, 3)], 300)
    changes.record(tmp_path, [Change(200, "b", 0, 1)], 200)
    changes.record(tmp_path, [], 200)
    expected = [Change(100, "a", 1, 2), Change(200, "b", 0, 1)]
    assert changes.recorded(summary.read(tmp_path)) == expected


def test_entries_that_are_no_changes_are_left_out():
    entries = [None, {"images": -1}, {"images": 1, "setting": 2, "before": 1, "after": 2}, "x"]
    assert changes.recorded({"changes": entries}) == []
    assert changes.recorded({"changes": 7}) == []
