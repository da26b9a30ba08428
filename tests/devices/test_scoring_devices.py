"""Scoring on the stand-in device: samples, features and sums stay there until the scores are computed."""

import pytest
import torch
from torch import nn

from ganexp.data.gaussians import Mixture
from ganexp.data.memory import InMemory
from ganexp.drawing.pictures import are_finite, as_bytes
from ganexp.metrics.custom import custom
from ganexp.metrics.frechet import FrechetDistance, frechet_distance
from ganexp.metrics.inception_score import InceptionScore
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.modes import Modes
from ganexp.metrics.moments import moments, power_sums
from ganexp.metrics.neighbours import DensityCoverage, PrecisionRecall
from ganexp.metrics.reference import RealImages
from ganexp.metrics.scoring import Measurement, RealSet, Scoring
from ganexp.numerics.randomness import blocks
from support.stand_in_device import DEVICE, stand_in_device

SAMPLES = 150
FEATURES = {
    "fid": FrechetDistance,
    "is": InceptionScore,
    "kid": KernelDistance,
    "prc": PrecisionRecall,
    "density_coverage": DensityCoverage,
}


class Network(nn.Module):
    """A small network with features and logits."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(72, 5)

    def forward(self, images):
        features = self.layers(images)
        return {"features": features, "logits": self.head(features)}


def images(seed, count=SAMPLES):
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def scoring(device, samples=(SAMPLES,)):
    real = RealImages(InMemory(as_bytes(images(1))), "random")
    extractors = {"own": custom(real, device, Network())}
    measurements = [Measurement(name, metric, "own") for name, metric in FEATURES.items()]
    return Scoring(measurements, extractors, [RealSet(real, {"data": "random"})], list(samples), {}, device)


def updated(scored, drawn, **device):
    for numbers in blocks(len(drawn)):
        batch = drawn[numbers].to(**device)
        scored.update(as_bytes(batch), numbers, are_finite(batch))
    return {(result.name, result.protocol["fakes"]["samples"]): result.score for result in scored.compute()}


@pytest.mark.parametrize("samples", [(SAMPLES,), (50, 100)])
def test_nothing_is_read_back_while_features_are_accumulated(samples, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path))
    expected = updated(scoring(torch.device("cpu"), samples), images(2), device="cpu")
    with stand_in_device() as device:
        scored = scoring(device, samples)
        drawn = images(2).to(device)
    with stand_in_device(waits=False, uploads=True):
        for numbers in blocks(SAMPLES):
            batch = drawn[int(numbers[0]) : int(numbers[-1]) + 1]
            scored.update(as_bytes(batch), numbers, are_finite(batch))
    states = [state for column in scored.columns for state in column.metric.metric_state.values()]
    tensors = [tensor for state in states for tensor in (state if isinstance(state, list) else [state])]
    assert {tensor.device for tensor in tensors} == {DEVICE}
    with stand_in_device():
        scores = {(result.name, result.protocol["fakes"]["samples"]): result.score for result in scored.compute()}
    assert scores.keys() == expected.keys()
    for name, score in expected.items():
        assert score.value == pytest.approx(scores[name].value, rel=1e-5), name


def test_points_are_assigned_to_modes_on_the_device():
    mixture = Mixture([[-0.5, 0.0], [0.5, 0.5]], std=0.1)
    points = torch.tensor([[-0.5, 0.1], [0.5, 0.4], [0.0, 0.2]])
    expected = Modes(None, 3, mixture)
    expected.update(points, torch.arange(3))
    with stand_in_device() as device:
        metric, there, numbers = Modes(None, 3, mixture).to(device), points.to(device), torch.arange(3).to(device)
    with stand_in_device(waits=False, uploads=True):
        metric.update(there, numbers)
    with stand_in_device():
        assert metric.compute() == expected.compute()


def test_a_distance_of_moments_there_is_the_processors_to_rounding():
    rng = torch.Generator().manual_seed(0)
    values = torch.randn(500, 40, generator=rng) @ torch.randn(40, 40, generator=rng)
    pair = [moments(power_sums(part)) for part in (values[:250], 1.2 * values[250:] + 0.1)]
    expected = frechet_distance(*pair)
    with stand_in_device() as device:
        there = [type(one)(one.count, one.mean.to(device), one.covariance.to(device)) for one in pair]
        assert there[0].factor.device == DEVICE
        assert frechet_distance(*there) == pytest.approx(expected, rel=1e-9)
