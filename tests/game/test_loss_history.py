"""The history of loss terms: means, divergence and checkpoints."""

import math

import pytest
import torch

from ganexp.errors import Diverged
from ganexp.game.loss_history import LossHistory

CPU = torch.device("cpu")


def history(**turns):
    """Return a history with these turns of each player."""
    filled = LossHistory()
    for player, all_terms in turns.items():
        for terms in all_terms:
            filled.add(player, {name: torch.tensor(value) for name, value in terms.items()})
    return filled


def test_a_lazy_term_is_averaged_over_the_turns_that_have_it():
    filled = history(discriminator=[{"loss": 1.0, "r1": 8.0}, {"loss": 2.0}, {"loss": 6.0, "r1": 4.0}])
    assert filled.means(CPU, 24) == {"discriminator/loss": 3.0, "discriminator/r1": 6.0}


def test_reading_means_empties_the_history_and_looking_at_the_series_does_not():
    filled = history(generator=[{"loss": 1.0}])
    assert [values.tolist() for _, _, values in filled.series(CPU, 8)] == [[1.0]]
    assert filled
    filled.means(CPU, 8)
    assert not filled
    assert filled.means(CPU, 8) == {}


def test_terms_carry_no_gradient():
    filled, weight = LossHistory(), torch.ones((), requires_grad=True)
    filled.add("generator", {"loss": 2 * weight})
    assert not filled.turns["generator"][0]["loss"].requires_grad


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_reported_with_player_term_and_turn(value):
    filled = history(generator=[{"loss": 1.0}], discriminator=[{"r1": 1.0}, {"r1": value}, {"r1": 1.0}, {"r1": 1.0}])
    expected = rf"^the discriminator's r1 loss became {value}, 3 of its turns before image 1,234;"
    with pytest.raises(Diverged, match=expected):
        filled.means(CPU, 1_234)


def test_a_restored_history_has_the_same_means():
    one, other = history(generator=[{"loss": 0.1}, {"loss": 0.7, "l1": 0.3}]), LossHistory()
    state = one.state_dict(CPU)
    assert all(type(value) is float for turns in state.values() for terms in turns for value in terms.values())
    other.load_state_dict(state)
    assert other.means(CPU, 8) == one.means(CPU, 8)
