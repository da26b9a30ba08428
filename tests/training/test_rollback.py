"""``doctor.rollback=true``: what diverges goes back to its last good checkpoint, and on more slowly."""

import pytest
import torch

from ganexp.training.rollback import discard_after

DIVERGING = [
    "model=gan", "loss=lsgan", "normalization=none", "optimizer=sgd",
    "optimizer.generator.lr=2", "optimizer.discriminator.lr=2",
    "model.generator.widths=[32]", "model.discriminator.widths=[32]",
    "images=8000", "trainer=cpu", "metric=none", "run_dir=run", "callbacks.checkpoints.every=1024",
]  # fmt: skip
ROLLBACK = "doctor.rollback=true"


def kept(folder):
    return torch.load(folder / "run" / "checkpoints" / "last.ckpt", weights_only=True)


def finite(checkpoint):
    return all(value.isfinite().all() for value in checkpoint["state_dict"].values() if torch.is_tensor(value))


def returns(folder):
    return [line for line in (folder / "run" / "log.txt").read_text().splitlines() if "back to the checkpoint" in line]


def test_only_what_the_run_itself_made_later_is_forgotten(tmp_path):
    kept = ["samples/00000100.png", "samples/2 copy.png", "samples/latest.png", "checkpoints/last.ckpt"]
    for name in [*kept, "samples/00000200.png", "checkpoints/00000200.ckpt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    discard_after(tmp_path, 100)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == sorted(kept)


def test_without_it_the_run_ends(ganexp, here):
    outcome = ganexp(*DIVERGING)
    assert outcome.status == 2
    assert "adversarial loss became" in outcome.complaint
    assert not returns(here)


def test_a_diverging_run_reaches_its_end_at_a_lower_rate_and_says_so(ganexp, here):
    assert ganexp(*DIVERGING, ROLLBACK).status == 0
    *_, last = said = returns(here)
    checkpoint = kept(here)
    assert finite(checkpoint)
    assert checkpoint["ganexp"]["images_seen"] >= 8000
    assert checkpoint["ganexp"]["rate"] == 0.5 ** len(said)
    assert "adversarial loss became" in last
    assert "continue from the last checkpoint" not in (here / "run" / "log.txt").read_text()
    assert f"{0.5 ** len(said):g} times the configured learning rates" in last


@pytest.mark.slow
def test_back_at_the_start_it_is_the_run_that_had_the_lower_rates_from_the_start(ganexp, here):
    assert ganexp(*DIVERGING, ROLLBACK).status == 0
    returned = kept(here)
    rate = 2 * returned["ganexp"]["rate"]
    assert "the checkpoint of 0 images" in returns(here)[-1]
    slow = [f"optimizer.{player}.lr={rate}" for player in ("generator", "discriminator")]
    assert ganexp(*DIVERGING, *slow, "run_dir=slow").status == 0
    other = torch.load(here / "slow" / "checkpoints" / "last.ckpt", weights_only=True)
    tensors = [name for name, value in returned["state_dict"].items() if torch.is_tensor(value)]
    assert all(torch.equal(returned["state_dict"][name], other["state_dict"][name]) for name in tensors)


@pytest.mark.slow
def test_it_goes_back_to_the_last_good_checkpoint_and_its_rows_and_pictures(ganexp, here):
    # The rate rises until it is too high.
    late = ["schedule=warmup", "schedule.generator.until=1", "schedule.discriminator.until=1"]
    assert ganexp(*DIVERGING, *late, ROLLBACK).status == 0
    said, *_ = returns(here)
    images = int(said.partition("the checkpoint of ")[2].partition(" images")[0].replace(",", ""))
    assert images >= 1024
    rows = [int(line.partition(",")[0]) for line in (here / "run" / "metrics.csv").read_text().splitlines()[1:]]
    assert rows == sorted(set(rows))


def test_a_run_that_no_lower_rate_helps_ends_after_three_returns(ganexp, here):
    outcome = ganexp(*DIVERGING, ROLLBACK, "optimizer.generator.lr=1e30", "optimizer.discriminator.lr=1e30")
    assert outcome.status == 2
    assert "loss became" in outcome.complaint
    assert len(returns(here)) == 3
    assert finite(kept(here))


SEEN_FIRST = {
    "grid": (["metric=none", "callbacks.doctor=null", "callbacks.samples.every=64"], "points are not finite"),
    "score": (
        ["metric=modes", "scoring.samples=64", "scoring.every=64"],
        "64 samples have features that are not finite",
    ),
}


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] if name == "score" else [])
        for name, case in SEEN_FIRST.items()
    ],
)
def test_a_run_is_rescued_whoever_sees_its_divergence_first(ganexp, here, options, seen):
    rates = ["optimizer.generator.lr=1", "optimizer.discriminator.lr=1"]
    few = ["data=gaussians", "images=1024", "callbacks.curves.every=1024", *rates]
    assert ganexp(*DIVERGING, *few, *options, ROLLBACK).status == 0
    assert seen in returns(here)[0]
    assert finite(kept(here))


@pytest.mark.slow
def test_a_generator_that_no_rate_repairs_ends_in_one_line_if_only_scores_see_it(ganexp, here):
    few = ["images=1600", "scoring.samples=64", "run_dir=run", "trainer=cpu"]
    outcome = ganexp("optimizer.generator.lr=1e9", *few, ROLLBACK)
    assert outcome.status == 2
    assert "64 of 64 samples have features that are not finite" in outcome.complaint
    assert len(returns(here)) == 3
    assert (here / "run" / "log.txt").read_text().count("continue from the last checkpoint") == 1


@pytest.mark.slow
def test_a_resumed_run_keeps_the_lower_rate(ganexp, here):
    assert ganexp(*DIVERGING, ROLLBACK).status == 0
    rate = kept(here)["ganexp"]["rate"]
    assert rate < 1
    assert ganexp("resume=run", "images=9000").status == 0
    assert kept(here)["ganexp"]["rate"] == rate


@pytest.mark.parametrize("answer", ["perhaps", "3"])
def test_anything_but_yes_or_no_is_refused(ganexp, answer):
    assert "doctor.rollback" in ganexp(*DIVERGING, f"doctor.rollback={answer}").complaint
