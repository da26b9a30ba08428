"""Scores while training."""

import json
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn

from ganexp.callbacks.checkpoints import LastCheckpoint
from ganexp.callbacks.interruption import GracefulStop
from ganexp.data.loading import sample_loader
from ganexp.drawing.pictures import quantized
from ganexp.drawing.plots import read_curves
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.layers import normalization
from ganexp.loggers.metrics_csv import MetricsCSV
from ganexp.metrics.custom import custom
from ganexp.metrics.frechet import frechet_distance
from ganexp.metrics.inception_score import InceptionScore
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.moments import moments, power_sums
from ganexp.metrics.scoring import Measurement
from support.scored import SCORED, Bytes, Halves, scores
from support.tiny import adam, fit, make_gan, same, state


def play(folder, batches, callbacks=None, **options):
    (folder / "checkpoints").mkdir(exist_ok=True, parents=True)
    module = make_gan(
        normalization.batch, optimizer=adam, images=64, ema=ExponentialMovingAverage, scored_samples=SCORED
    )
    parts = [scores(folder), LastCheckpoint(str(folder / "checkpoints"), every=16)] if callbacks is None else callbacks
    fit(
        module, batches, parts, data=Bytes(), logger=[MetricsCSV(str(folder))], check_val_every_n_epoch=10**9, **options
    )
    return module


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))


def test_a_score_is_that_of_the_first_samples_of_the_average_against_the_data(tmp_path):
    module = play(tmp_path, 8)
    (entry,) = json.loads((tmp_path / "scores.json").read_text())["scores"]
    features = [Halves()(quantized(images).float() / 127.5 - 1) for images in (module.sample(SCORED, 3),)]
    real = Halves()(Bytes().dataset.images.float() / 127.5 - 1)
    expected = frechet_distance(moments(power_sums(features[0])), moments(power_sums(real)))
    assert entry["value"] == pytest.approx(expected, rel=1e-9)
    assert (entry["name"], entry["images_seen"]) == ("fid_own", 64)


def test_the_protocol_says_how_a_score_was_made(tmp_path):
    play(tmp_path, 3)
    protocol = json.loads((tmp_path / "scores.json").read_text())["scores"][0]["protocol"]
    assert protocol["metric"] == "fid_own"
    assert protocol["features"]["network"].endswith("Halves")
    assert protocol["reference"] == {
        "data": "pictures",
        "split": "all",
        "images": 40,
        "checksum": protocol["reference"]["checksum"],
    }
    assert protocol["fakes"] == {
        "samples": SCORED,
        "source": "generator",
        "weights": "moving average",
        "average": "EMA 0.999",
        "checkpoint": "last",
        "batch_norm": "running statistics",
        "precision": "float32",
        "seed": 3,
        "values": "uint8 from [-1, 1]",
    }
    assert set(protocol["versions"]) >= {"torch", "torchmetrics", "ganexp"}


def test_scores_come_every_so_many_images_and_at_the_end(tmp_path):
    play(tmp_path, 8)
    assert [images for images, _ in read_curves(tmp_path / "metrics.csv")["score/fid_own"]] == [24, 48, 64]


def test_scoring_does_not_change_training(tmp_path):
    assert same(state(play(tmp_path / "scored", 8)), state(play(tmp_path / "alone", 8, [])))


def test_a_resumed_run_has_the_scores_of_an_uninterrupted_one(tmp_path):
    whole, split = tmp_path / "whole", tmp_path / "split"
    play(whole, 8)
    # At 24 images a score and a checkpoint fall on one batch.
    play(split, 3)
    play(split, 8, ckpt_path=split / "checkpoints" / "last.ckpt")
    curves = [read_curves(folder / "metrics.csv")["score/fid_own"] for folder in (whole, split)]
    assert curves[0] == curves[1]
    assert (whole / "scores.json").read_text() == (split / "scores.json").read_text()
    assert same(*(state(make_best(folder)) for folder in (whole, split)))


def test_a_resumed_run_remembers_its_best_score(tmp_path, monkeypatch):
    play(tmp_path, 3)
    last, best = (tmp_path / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    weights = best.read_bytes()
    remembered = torch.load(last, weights_only=True)["callbacks"]["Scores"]["best"]
    planted = SimpleNamespace(name="fid_own", higher_is_better=False, score=SimpleNamespace(value=-remembered + 1e-9))
    monkeypatch.setattr("ganexp.callbacks.scores.monitored_result", lambda *_: planted)
    play(tmp_path, 6, ckpt_path=last)
    assert best.read_bytes() == weights
    assert torch.load(last, weights_only=True)["callbacks"]["Scores"]["best"] == remembered
    planted.score.value = -remembered - 1e-9
    play(tmp_path, 8, ckpt_path=last)
    assert torch.load(best, weights_only=True)["ganexp"]["images_seen"] == 64


def test_another_monitor_begins_with_no_best_score(tmp_path):
    def monitoring(name):
        halves = Measurement("kid", partial(KernelDistance, subset_size=10), "own")
        scored = scores(tmp_path, monitor=name)
        scored.measurements.append(halves)
        return [scored, LastCheckpoint(str(tmp_path / "checkpoints"), every=16)]

    play(tmp_path, 3, monitoring("kid_own"))
    last, best = (tmp_path / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    play(tmp_path, 6, monitoring("fid_own"), ckpt_path=last)
    distances = dict(read_curves(tmp_path / "metrics.csv")["score/fid_own"])
    # Any kernel distance is below this Fréchet distance.
    assert torch.load(best, weights_only=True)["ganexp"]["images_seen"] == 48
    assert torch.load(last, weights_only=True)["callbacks"]["Scores"]["best"] == -distances[48]


def make_best(folder):
    module = make_gan(normalization.batch, ema=ExponentialMovingAverage)
    module.load_state_dict(torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"])
    return module


def test_best_ckpt_has_the_weights_with_the_best_score(tmp_path):
    play(tmp_path, 8)
    values = dict(read_curves(tmp_path / "metrics.csv")["score/fid_own"])
    checkpoint = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["ganexp"]["images_seen"] == min(values, key=values.get)


def test_no_network_of_a_metric_is_in_a_checkpoint(tmp_path):
    module = play(tmp_path, 3)
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["state_dict"].keys() == module.state_dict().keys()
    assert {name.partition(".")[0] for name in module.state_dict()} == {"generator", "discriminator", "average"}


def test_a_stop_by_a_signal_is_not_kept_waiting_by_scores(tmp_path):
    stop = GracefulStop()
    stop.received = 15
    play(tmp_path, 8, [scores(tmp_path), stop])
    assert not (tmp_path / "scores.json").exists()


def test_a_monitor_that_is_not_scored_is_named_by_the_first_scoring_at_the_latest(tmp_path):
    with pytest.raises(UserError, match=r"scoring\.monitor=kid: choose one of fid_own"):
        play(tmp_path, 3, [scores(tmp_path, monitor="kid")])


def test_lightnings_early_stopping_reads_the_scores(tmp_path):
    stop = EarlyStopping("score/fid_own", min_delta=1e9, patience=1)
    module = play(tmp_path, 8, [scores(tmp_path), stop])
    # The first score is the best, and the second no better by that much.
    assert module.images_seen == 48
    first = read_curves(tmp_path / "metrics.csv")["score/fid_own"][0]
    assert (24, float(stop.best_score)) == pytest.approx(first)


class Unfinished(nn.Module):
    """A network whose author has forgotten the logits."""

    def forward(self, images):
        return {"features": images.flatten(1)}


def test_a_score_that_cannot_be_computed_is_refused_before_the_first_batch(tmp_path):
    scored = scores(tmp_path)
    scored.measurements = [Measurement("is", InceptionScore, "own")]
    scored.extractors = {"own": lambda images, device: custom(images, device, Unfinished())}
    with pytest.raises(UserError, match="metric is_own needs logits, and extractor own gives only features"):
        play(tmp_path, 3, [scored])
    assert not (tmp_path / "metrics.csv").exists()


@pytest.mark.parametrize("samples", [1, 64, 70, 130])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_sample_is_drawn_by_one_rank(samples, ranks):
    def numbers(rank):
        class Trainer:
            global_rank, world_size = rank, ranks
            lightning_module = make_gan(scored_samples=samples)

        return [int(number) for batch in sample_loader(Trainer) for number in batch["number"]]

    drawn = [numbers(rank) for rank in range(ranks)]
    assert all(drawn)
    assert sorted(number for each in drawn for number in each if number < samples) == list(range(samples))


def test_samples_of_a_validation_are_those_that_users_draw():
    module = make_gan(scored_samples=SCORED)
    drawn = torch.cat([module.validation_step({"number": block}, 0) for block in torch.arange(SCORED).split(64)])
    assert torch.equal(drawn, module.sample(SCORED, module.seed))
