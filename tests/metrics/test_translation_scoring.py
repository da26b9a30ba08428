"""Scores of translated images."""

import math

import pytest
import torch
from torch import nn
from torchmetrics import MeanAbsoluteError
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from ganexp.data.memory import InMemory
from ganexp.errors import UserError
from ganexp.metrics.baselines import bicubic, smoothed
from ganexp.metrics.custom import custom
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.scoring import Measurement
from ganexp.metrics.translation import Comparison, TranslationScoring, model_scores

TARGET = {"": ["a2b", "image"], "b2a": ["b2a", "input"], "input": ["input", "image"], "flat": ["flat", "image"]}
PSNR = Comparison("psnr", lambda: PeakSignalNoiseRatio(data_range=1.0), TARGET)
SSIM = Comparison("ssim", lambda: StructuralSimilarityIndexMeasure(data_range=1.0), TARGET)
L1 = Comparison("l1", MeanAbsoluteError, TARGET)
CYCLE = Comparison("cycle", MeanAbsoluteError, {"a": ["a2b2a", "input"], "b": ["b2a2b", "image"]}, aligned=False)
FID = Measurement("fid", FrechetDistance, "own")
COUNT = 10


class Tests:
    """Test images that are 20 brighter than their inputs."""

    __test__ = False

    def __init__(self, aligned=True):
        images = torch.randint(20, 256, (COUNT, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        self.inputs, self.targets, self.aligned = InMemory(images - 20), InMemory(images), aligned

    def __len__(self):
        return COUNT


class Halves(nn.Module):
    """The mean of each half of an image."""

    def forward(self, images):
        return torch.stack([images[..., :4].mean((1, 2, 3)), images[..., 4:].mean((1, 2, 3))], 1)


def scoring(measurements, made=("a2b",), tests=None, baselines=()):
    extractors = {"own": lambda images, device: custom(images, device, Halves())}
    described = {"data": "pictures", "split": "test"}
    return TranslationScoring(
        measurements, extractors, tests or Tests(), made, baselines, {"source": "translation"}, described, None,
        torch.device("cpu"),
    )  # fmt: skip


def scores(measurements, of, made=("a2b",), split=(4, 6), **settings):
    """Return the scores of the images that functions of inputs and targets make, in batches of these sizes."""
    tests = settings.setdefault("tests", Tests())
    scored = scoring(measurements, made, **settings)
    inputs, targets = tests.inputs.images, tests.targets.images
    images = {"input": inputs, "image": targets, **{name: make(inputs, targets) for name, make in of.items()}}
    first = 0
    for size in split:
        part = slice(first, first + size)
        scored.update({name: each[part] for name, each in images.items()}, torch.arange(COUNT)[part])
        first += size
    return {result.name: result for result in scored.compute()}


def values(*arguments, **settings):
    return {name: result.score.value for name, result in scores(*arguments, **settings).items()}


def halfway(inputs, targets):
    return inputs + 10


def test_scores_have_their_closed_forms_beside_those_of_the_input():
    found = values([PSNR, L1], {"a2b": halfway})
    assert found["psnr"] == pytest.approx(20 * math.log10(255 / 10), abs=1e-4)
    assert found["psnr_input"] == pytest.approx(20 * math.log10(255 / 20), abs=1e-4)
    assert (found["l1"], found["l1_input"]) == (pytest.approx(10 / 255, rel=1e-5), pytest.approx(20 / 255, rel=1e-5))
    assert set(found) == {"psnr", "psnr_input", "l1", "l1_input"}


def test_the_target_itself_is_perfect():
    found = scores([L1, SSIM], {"a2b": lambda inputs, targets: targets})
    assert (found["l1"].score.value, found["ssim"].score.value) == (0, pytest.approx(1))
    assert found["ssim"].higher_is_better
    assert not found["l1"].higher_is_better


def test_the_batches_mean_nothing():
    of = {"a2b": lambda inputs, targets: inputs.flip(3)}
    one, other = (values([PSNR, SSIM, L1, FID], of, split=split) for split in ((10,), (1, 2, 7)))
    assert one == pytest.approx(other, rel=1e-6)


def test_a_second_pass_begins_anew():
    scored = scoring([L1])
    tests = Tests()
    for made, expected in ((tests.inputs.images, 20 / 255), (tests.targets.images, 0)):
        images = {"input": tests.inputs.images, "image": tests.targets.images, "a2b": made}
        scored.update(images, torch.arange(COUNT))
        assert scored.compute()[0].score.value == pytest.approx(expected, rel=1e-5)


def test_each_direction_and_each_baseline_is_scored_under_its_name():
    of = {
        "a2b": halfway,
        "b2a": lambda inputs, targets: inputs,
        "a2b2a": lambda inputs, targets: inputs + 5,
        "b2a2b": lambda inputs, targets: targets,
        "flat": lambda inputs, targets: torch.full_like(targets, 128),
    }
    made = ("a2b", "b2a", "a2b2a", "b2a2b")
    found = scores([L1, CYCLE, FID], of, made, baselines=["flat"])
    l1, fid = {"l1", "l1_b2a", "l1_input", "l1_flat"}, {"fid_own", "fid_own_b2a", "fid_own_input"}
    assert set(found) == {*l1, "cycle_a", "cycle_b", *fid}
    # Known beforehand, in the same order, without what no model makes.
    assert model_scores([L1, CYCLE, FID], made) == [name for name in found if not name.endswith(("_input", "_flat"))]
    assert found["l1_b2a"].score.value == found["cycle_b"].score.value == 0
    assert found["cycle_a"].score.value == pytest.approx(5 / 255, rel=1e-5)
    assert found["fid_own_b2a"].score.value == pytest.approx(0, abs=1e-9)
    # Both halves of each image are 20 of 127.5 darker, and nothing else differs.
    assert found["fid_own_input"].score.value == pytest.approx(2 * (20 / 127.5) ** 2, rel=1e-3)
    assert found["fid_own"].score.value == pytest.approx(2 * (10 / 127.5) ** 2, rel=1e-3)
    assert found["l1"].protocol["fakes"]["source"] == "translation"
    assert found["l1_flat"].protocol["fakes"]["source"] == "no model: flat"


def test_the_protocol_tells_the_test_images():
    result = scores([PSNR], {"a2b": halfway})["psnr"]
    tests = Tests()
    assert result.protocol["reference"] == {
        "data": "pictures",
        "split": "test",
        "images": COUNT,
        "checksum": tests.targets.checksum(),
        "inputs": tests.inputs.checksum(),
    }
    assert result.protocol["fakes"] == {"samples": COUNT, "source": "translation", "values": "uint8 from [-1, 1]"}


def test_a_comparison_with_targets_that_there_are_not_is_refused():
    with pytest.raises(UserError, match="metric psnr compares a translated image with its target"):
        scoring([PSNR], tests=Tests(aligned=False))


def test_a_comparison_of_what_the_model_does_not_make_is_refused():
    with pytest.raises(UserError, match=r"metric cycle compares a2b2a or b2a2b.*model=cyclegan"):
        scoring([CYCLE])


@pytest.mark.parametrize("block", [2, 3, 4])
def test_smoothing_leaves_even_images_alone_and_keeps_their_shape(block):
    flat = torch.full((2, 3, 10, 7), 0.3)
    torch.testing.assert_close(smoothed(flat, block), flat)


def test_smoothing_sees_the_means_of_blocks_alone():
    images = torch.rand(1, 1, 8, 8) * 2 - 1
    mosaic = nn.functional.avg_pool2d(images, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    made = smoothed(images, 4)
    torch.testing.assert_close(made, smoothed(mosaic, 4))
    assert made.abs().max() <= 1
    assert not torch.equal(made, mosaic)
    assert torch.equal(bicubic(4)(images), made)
    assert bicubic(None) is None


class TooSmall(MeanAbsoluteError):
    """A metric that takes no images of this size."""

    def update(self, images, others):
        raise UserError(f"images of {images.shape[-1]} pixels are too small")


def test_images_that_a_metric_does_not_take_are_found_by_a_rehearsal():
    with pytest.raises(UserError, match="images of 8 pixels are too small"):
        scoring([Comparison("l1", TooSmall, L1.pairs)]).rehearse()


def test_a_rehearsal_changes_no_score():
    of = {"a2b": halfway}
    scored = scoring([L1, PSNR, SSIM, FID])
    scored.rehearse()
    inputs, targets = Tests().inputs.images, Tests().targets.images
    scored.update({"input": inputs, "image": targets, "a2b": halfway(inputs, targets)}, torch.arange(COUNT))
    assert {result.name: result.score.value for result in scored.compute()} == values(
        [L1, PSNR, SSIM, FID], of, split=(10,)
    )
