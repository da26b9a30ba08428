"""Scores that callbacks monitor: other names are refused before training, with those that there are."""

from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import EarlyStopping

from ganexp.callbacks.monitors import require_monitored
from ganexp.callbacks.translation_scores import TranslationScores
from ganexp.errors import UserError
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.neighbours import PrecisionRecall
from ganexp.metrics.score import SampleMetric
from ganexp.metrics.scoring import Measurement
from ganexp.metrics.translation import Comparison
from support.command_line import NETWORKS
from support.scored import scores

GAME = SimpleNamespace()


class Own(SampleMetric):
    """A metric of a user's own, which does not tell the names of its scores."""


FID, PRC, OWN = (
    Measurement("fid", FrechetDistance, "own"),
    Measurement("prc", PrecisionRecall),
    Measurement("mine", Own),
)


def callbacks(*measurements, monitor=None, **others):
    scored = scores("unused", monitor=monitor)
    scored.measurements = list(measurements)
    return {"scores": scored, "left_out": None, **others}


def translated(*measurements, monitor):
    named = {str(number): each for number, each in enumerate(measurements)}
    return {"scores": TranslationScores({}, "unused", 24, named, {}, None, {}, monitor)}


def complaint(callbacks, game=GAME):
    with pytest.raises(UserError) as refusal:
        require_monitored(callbacks, game)
    return str(refusal.value)


def test_a_monitor_is_the_name_of_a_score():
    for monitor in (None, "fid_own", "prc_precision", "prc_recall"):
        require_monitored(callbacks(FID, PRC, monitor=monitor), GAME)
    assert complaint(callbacks(FID, PRC, monitor="prc")).endswith(
        "scoring.monitor=prc: this run computes no score of that name; choose one of fid_own, prc_precision, prc_recall"
    )


def test_nothing_is_said_of_names_that_are_not_known_beforehand_and_where_nothing_is_scored():
    require_monitored(callbacks(FID, OWN, monitor="mine_first"), GAME)
    require_monitored(callbacks(monitor="fid_own"), GAME)
    require_monitored({"scores": None}, GAME)


def test_a_translation_is_monitored_by_the_scores_of_what_the_model_makes():
    psnr = Comparison("psnr", None, {"": ["a2b", "image"], "b2a": ["b2a", "input"], "input": ["input", "image"]})
    one, both = SimpleNamespace(output_names=("a2b",)), SimpleNamespace(output_names=("a2b", "b2a"))
    require_monitored(translated(psnr, FID, monitor="psnr"), one)
    require_monitored(translated(psnr, FID, monitor="fid_own_b2a"), both)
    assert complaint(translated(psnr, FID, monitor="psnr_b2a"), one).endswith("choose one of fid_own, psnr")
    # No model changes a baseline's score.
    assert "psnr_b2a" in complaint(translated(psnr, monitor="psnr_input"), both)
    assert "model=pix2pix" in complaint(translated(psnr, monitor=None), GAME)


def test_early_stopping_monitors_a_score_by_the_name_of_its_curve():
    require_monitored(callbacks(FID, stop=EarlyStopping("score/fid_own")), GAME)
    require_monitored(callbacks(FID, stop=EarlyStopping("mine/loss", strict=False)), GAME)
    assert "callbacks.stop.monitor=fid_own: " in complaint(callbacks(FID, stop=EarlyStopping("fid_own")))
    assert "choose one of score/fid_own" in complaint(callbacks(FID, stop=EarlyStopping("fid_own")))
    assert "choose metrics" in complaint(callbacks(stop=EarlyStopping("score/fid_own")))


@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=["training", "a dry run"])
def test_a_wrong_monitor_is_refused_before_training(ganexp, here, flags):
    outcome = ganexp(*flags, *NETWORKS, "trainer=cpu", "run_dir=run", "scoring.monitor=fid")
    assert (outcome.status, outcome.complaint) == (
        2,
        "scoring.monitor=fid: this run computes no score of that name; choose one of fid_classifier, is_classifier",
    )
    assert not list(here.iterdir())
