"""Penalties and constraints against their references' figures: values, and gradients of the critic's weights."""

import pytest
import torch

from ganexp.config.build import build
from ganexp.penalties.base import CriticTurn
from parity.calculations import SHAPE, Critic, composed, figures_of, formula_draw, option_names
from support.formula import figures, formula_input

PENALTIES = figures_of("penalties")
CLIPPED = {name for name, entry in PENALTIES.items() if "clipped" in entry}


def config_of(name):
    entry = PENALTIES[name]
    return composed(tuple(entry.get("overrides", [f"penalty={name}"])))


def turn_of(critic, number, progress):
    """Return a turn whose images are the formula's inputs 2n and 2n + 1, of which the logits were computed."""
    real, fake = (formula_input(SHAPE, 2 * number + side).requires_grad_() for side in range(2))
    judged = real, fake
    return CriticTurn(
        critic,
        critic,
        real.detach(),
        fake.detach(),
        critic(real),
        critic(fake),
        formula_draw,
        *judged,
        read_progress=lambda: progress,
    )


def test_every_penalty_has_figures_with_a_source():
    reasons = figures_of("without_reference")["penalties"]
    assert PENALTIES.keys() >= option_names("penalty") - reasons.keys()
    assert all("@" in entry["source"] or "arXiv" in entry["source"] for entry in PENALTIES.values())


@pytest.mark.parametrize("name", sorted(PENALTIES.keys() - CLIPPED))
def test_a_penalty_is_the_references(name):
    entry, critic = PENALTIES[name], Critic()
    penalties = build(config_of(name).penalty).values()
    for number in range(entry.get("turns", 1)):
        turn = turn_of(critic, number, entry.get("progress", 0.0))
        value = sum(penalty.term(turn) for penalty in penalties)
    assert value.item() == pytest.approx(entry["value"], rel=entry["tolerance"])
    (gradient,) = torch.autograd.grad(value, critic.layers[0].weight)
    for figure, expected in entry["gradient"].items():
        assert figures(gradient)[figure] == pytest.approx(expected, rel=0, abs=entry["tolerance"] * entry["value"])


@pytest.mark.parametrize("name", sorted(CLIPPED))
def test_a_constraint_leaves_the_references_weights(name):
    critic = Critic()
    build(config_of(name).constraint)(critic)
    assert figures(*critic.parameters()) == {
        figure: pytest.approx(expected, abs=1e-12) for figure, expected in PENALTIES[name]["clipped"].items()
    }
