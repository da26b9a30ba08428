"""Augmentations against their reference's figures, where every random number is at a percentile of its distribution."""

from pathlib import Path

import pytest
import torch
import yaml

from ganexp.augmentation import transformations as t
from ganexp.augmentation.wavelet import wavelet_resampled
from support.formula import figures, formula_input

CASES = yaml.safe_load((Path(__file__).parent / "figures" / "augmentation_percentiles.yaml").read_text())["cases"]
ALWAYS = torch.ones((), dtype=torch.float64)


class Percentile(t.Numbers):
    """Numbers that are given instead of drawn, in units of what is asked for."""

    def __init__(self, n, percentile, uniform, normal):
        super().__init__(n, torch.Generator())
        object.__setattr__(self, "percentile", percentile)
        object.__setattr__(self, "units", {"uniform": list(uniform), "normal": list(normal)})

    def next(self, kind):
        return torch.full((self.n,), self.units[kind].pop(0), dtype=torch.float64)

    def uniform(self, bound):
        return bound * self.next("uniform")

    def normal(self, deviation):
        return deviation * self.next("normal")

    def whole(self, below):
        return torch.full((self.n,), float(int(self.percentile * below)), dtype=torch.float64)

    def happens(self, p):
        return torch.full((self.n,), bool(p == 1))


def geometric(images, percentile, side, deviate):
    # Here are the inverses of what the reference draws, but for rotations, of which it takes the inverse itself.
    numbers = Percentile(len(images), percentile, [-side, -side, side, 0.0], [-deviate] * 4)
    return wavelet_resampled(images, t.random_geometry(numbers, ALWAYS, *images.shape[2:]))


def coloured(images, percentile, side, deviate):
    return t.recoloured(images, t.random_colours(Percentile(len(images), percentile, [side], [deviate] * 3), ALWAYS))


def cut(images, percentile, side, deviate):
    numbers = Percentile(len(images), percentile, [side, side], [])
    return t.with_cutouts(images, t.random_cutouts(numbers, ALWAYS, t.Multipliers(cutout=1.0)))


GROUPS = {"geometry": geometric, "colours": coloured, "cutout": cut}


@pytest.fixture(autouse=True)
def _in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{'-'.join(case['groups'])}-{case['channels']}")
def test_an_augmented_image_and_its_gradient_are_the_references(case):
    originals = formula_input((3, 3, 16, 12))[:, : case["channels"]].requires_grad_()
    images, percentile = originals, case["percentile"]
    deviate = torch.erfinv(torch.tensor(2 * percentile - 1)).item()
    for group in case["groups"]:
        images = GROUPS[group](images, percentile, 2 * percentile - 1, deviate)
    (gradient,) = torch.autograd.grad((images * formula_input(images.shape, 1)).sum(), originals)
    for output, expected in ((images, case["forward"]), (gradient, case["gradient"])):
        assert figures(output) == {key: pytest.approx(value, abs=case["tolerance"]) for key, value in expected.items()}
