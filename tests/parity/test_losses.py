"""Losses against their references' figures: values, and gradients of the logits."""

import pytest
import torch

from ganexp.config.build import build
from parity.calculations import composed, figures_of, option_names
from support.formula import formula_input

LOSSES = figures_of("losses")
COUNT = 6


def logits():
    """Return real and fake logits in [-3, 3), which end both of hinge's sides."""
    real, fake = (3 * formula_input((COUNT,), index) for index in range(2))
    return real.requires_grad_(), fake.requires_grad_()


def loss_of(name):
    return build(composed((f"loss={name}",)).loss)


def test_every_loss_has_figures_with_a_source():
    assert LOSSES.keys() == option_names("loss")
    assert all("@" in entry["source"] or "arXiv" in entry["source"] for entry in LOSSES.values())


@pytest.mark.parametrize("name", LOSSES)
def test_the_discriminators_loss_is_the_references(name):
    real, fake = logits()
    value = loss_of(name).discriminator(real, fake)
    compare(LOSSES[name]["discriminator"], value, {"real": real, "fake": fake})


@pytest.mark.parametrize("name", LOSSES)
def test_the_generators_loss_is_the_references(name):
    real, fake = logits()
    value = loss_of(name).generator(fake, lambda: real)
    compare(LOSSES[name]["generator"], value, {"fake": fake})


def compare(expected, value, leaves):
    """Compare a value and its gradients, which are computed in float32."""
    assert value.item() == pytest.approx(expected["value"], abs=1e-6)
    gradients = torch.autograd.grad(value, list(leaves.values()))
    for side, gradient in zip(leaves, gradients, strict=True):
        assert gradient.tolist() == pytest.approx(expected["gradients"][side], abs=1e-6), side
