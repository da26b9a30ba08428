"""Distances and vision transformers against their references' figures."""

import pytest
import torch

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.metrics.vision_transformer import VisionTransformer
from parity.calculations import figures_of
from support.fakes import RealFeatures, score
from support.formula import figures, fill, formula_input, uniform

DISTANCES, TRANSFORMERS = figures_of("metrics")["distances"], figures_of("metrics")["transformers"]
REAL, FAKE = uniform(60 * 16, 1).view(60, 16), uniform(45 * 16, 2).view(45, 16) + 0.2


def unit(features):
    return features / features.norm(dim=1, keepdim=True)


# KID draws its subsets of the smaller side; dgm-eval's were of the first 45.
FEATURES = {"fid_dinov2": (REAL, FAKE), "kid_dinov2": (REAL[:45], FAKE), "cmmd": (unit(REAL), unit(FAKE))}


@pytest.mark.parametrize("name", DISTANCES)
def test_distances_are_the_references(name):
    (measurement,) = build(composition.compose("evaluate", [f"metric={name}"]).metric).values()
    assert measurement.name == name
    real, fake = FEATURES[name]
    # Metrics of a run store features in float32.
    result = score(measurement.metric(RealFeatures(real), len(fake)), fake)[""]
    assert result.value == pytest.approx(DISTANCES[name]["value"], rel=1e-5)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_class_tokens_are_the_references(name):
    expected = TRANSFORMERS[name]
    network = fill(VisionTransformer(width=24, depth=2, heads=3, **expected["network"])).eval()
    with torch.no_grad():
        computed = figures(network(formula_input((2, 3, expected["side"], expected["side"]))))
    for figure in ("mean", "std", "values"):
        assert computed[figure] == pytest.approx(expected[figure], abs=expected["tolerance"])
