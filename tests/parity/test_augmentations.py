"""Augmentations against their references' figures with the same random numbers: images and gradients."""

import pytest
import torch

from ganexp.config.build import build
from parity.calculations import composed, figures_of, formula_draw
from support.formula import figures, formula_input

AUGMENTATIONS = figures_of("augmentations")


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_is_the_references(name):
    entry = AUGMENTATIONS[name]
    images = formula_input(entry["shape"]).requires_grad_()
    augmented = build(composed(tuple(entry["overrides"])).augmentation)(images, formula_draw)
    (gradient,) = torch.autograd.grad((augmented * formula_input(entry["shape"], 1)).sum(), images)
    for output, expected in ((augmented, entry["forward"]), (gradient, entry["gradient"])):
        assert figures(output) == {key: pytest.approx(value, abs=entry["tolerance"]) for key, value in expected.items()}
