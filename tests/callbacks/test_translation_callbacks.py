"""Grids and scores of translated test images while training."""

import json

import pytest
import torch
from PIL import Image
from torchmetrics import MeanAbsoluteError

from ganexp.callbacks.translation_grid import TranslationGrid
from ganexp.callbacks.translation_scores import TranslationScores
from ganexp.drawing.named_grid import grid_of_columns
from ganexp.drawing.pictures import quantized
from ganexp.drawing.plots import read_curves
from ganexp.errors import UserError
from ganexp.loggers.metrics_csv import MetricsCSV
from ganexp.metrics.translation import Comparison
from support.tiny import adam, fit, same, state
from support.translations import Pairs, make

TARGET = {"": ["a2b", "image"], "b2a": ["b2a", "input"], "input": ["input", "image"], "dark": ["dark", "image"]}
L1 = Comparison("l1", MeanAbsoluteError, TARGET)
CYCLE = Comparison("cycle", MeanAbsoluteError, {"a": ["a2b2a", "input"], "b": ["b2a2b", "image"]}, aligned=False)


def scores(folder, *measurements):
    baselines = {"dark": lambda inputs: torch.full_like(inputs, -1), "none": None}
    return TranslationScores(
        baselines,
        folder=str(folder),
        every=24,
        measurements={each.score: each for each in measurements},
        extractors={},
        real_images=None,
        reference={"data": "pictures", "split": "test"},
    )


def play(folder, variant, callbacks, batches=8, aligned=True):
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    module = make(variant, optimizer=adam, images=64)
    data = Pairs(aligned=aligned)
    fit(module, batches, callbacks, data=data, logger=[MetricsCSV(str(folder))], check_val_every_n_epoch=10**9)
    return module, data


def difference(images, others):
    return (quantized(images).float() - quantized(others).float()).abs().mean().item() / 255


def test_scores_are_those_of_all_test_images_beside_what_needs_no_model(tmp_path):
    module, data = play(tmp_path, "pix2pix", [scores(tmp_path, L1)])
    found = {entry["name"]: entry for entry in json.loads((tmp_path / "scores.json").read_text())["scores"]}
    tests = data.examples(12)
    expected = {
        "l1": module.translate(tests["input"]),
        "l1_input": tests["input"],
        "l1_dark": torch.full_like(tests["input"], -1),
    }
    assert found.keys() == expected.keys()
    for name, images in expected.items():
        assert found[name]["value"] == pytest.approx(difference(images, tests["image"]), rel=1e-5)
    assert found["l1"]["images_seen"] == 64
    assert found["l1"]["protocol"]["fakes"]["samples"] == 12
    curves = read_curves(tmp_path / "metrics.csv")
    assert [images for images, _ in curves["score/l1"]] == [24, 48, 64]
    assert len({value for _, value in curves["score/l1_input"]}) == 1


def test_scoring_and_drawing_do_not_change_training(tmp_path):
    watched = [scores(tmp_path, L1), TranslationGrid(str(tmp_path / "samples"), every=16, seed=0, rows=3)]
    one, _ = play(tmp_path / "watched", "cyclegan", watched)
    other, _ = play(tmp_path / "alone", "cyclegan", [])
    assert same(state(one), state(other))


def test_a_cycle_is_scored_in_both_directions_and_without_pairs(tmp_path):
    module, data = play(tmp_path, "cyclegan", [scores(tmp_path, CYCLE)], aligned=False)
    found = {entry["name"]: entry["value"] for entry in json.loads((tmp_path / "scores.json").read_text())["scores"]}
    a = data.examples(12)["input"]
    again = module.translate(module.translate(a, "a2b"), "b2a")
    assert found.keys() == {"cycle_a", "cycle_b"}
    assert found["cycle_a"] == pytest.approx(difference(again, a), rel=1e-5)


@pytest.mark.parametrize(("variant", "measurement", "aligned"), [("pix2pix", CYCLE, True), ("cut", L1, False)])
def test_scores_that_cannot_be_are_refused_before_training(tmp_path, variant, measurement, aligned):
    with pytest.raises(UserError, match=f"metric {measurement.score}"):
        play(tmp_path, variant, [scores(tmp_path, measurement)], aligned=aligned)


def test_the_best_weights_are_kept(tmp_path):
    play(tmp_path, "unet_l1", [scores(tmp_path, L1)])
    values = dict(read_curves(tmp_path / "metrics.csv")["score/l1"])
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["ganexp"]["images_seen"] == min(values, key=values.get)


@pytest.mark.parametrize("variant", ["pix2pix", "cyclegan", "cut", "unet_l1"])
def test_the_grid_is_drawn_of_the_same_test_images_again_and_again(tmp_path, variant):
    module, data = play(tmp_path, variant, [TranslationGrid(str(tmp_path), every=32, seed=0, rows=3)])
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "00000000.png", "00000032.png", "00000064.png", "latest.png",
    ]  # fmt: skip
    expected = grid_of_columns(module.grid(data.examples(3)), module.shown)
    with Image.open(tmp_path / "latest.png") as drawn:
        assert drawn.convert("RGB").tobytes() == expected.convert("RGB").tobytes()
