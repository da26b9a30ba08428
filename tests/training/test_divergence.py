"""What a run that diverges does wrong first is not always a loss: whoever fails on it, the run has diverged."""

import pytest
import torch

from ganexp.drawing.pictures import scatter
from ganexp.errors import Diverged, NotFinite, UserError
from ganexp.training.divergence import divergence_recognized
from support.tiny import make_gan

ERRORS = [IndexError("index -9223372036854775808 is out of bounds"), RuntimeError("svd did not converge")]


def with_broken_weights():
    game = make_gan()
    next(game.generator.parameters()).data.fill_(torch.nan)
    return game


def with_a_broken_loss():
    game = make_gan()
    game.loss_history.add("generator", {"adversarial": torch.tensor(torch.inf)})
    return game


@pytest.mark.parametrize("error", ERRORS, ids=["index", "svd"])
@pytest.mark.parametrize(
    ("game", "cause"),
    [
        (with_broken_weights, "the weights generator"),
        (with_a_broken_loss, "the generator's adversarial loss became inf"),
    ],
)
def test_an_error_after_divergence_is_one_of_divergence(game, cause, error):
    with pytest.raises(Diverged, match=cause) as raised, divergence_recognized(game()):
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", ERRORS, ids=["index", "svd"])
def test_an_error_of_a_healthy_game_stays_what_it_is(error):
    with pytest.raises(type(error)) as raised, divergence_recognized(make_gan()):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), UserError("no such score")])
def test_an_error_with_another_cause_stays_what_it_is_whatever_the_weights(error):
    with pytest.raises(type(error)) as raised, divergence_recognized(with_broken_weights()):
        raise error
    assert raised.value is error


def test_samples_that_are_not_finite_are_divergence_also_with_finite_weights():
    with pytest.raises(Diverged) as raised, divergence_recognized(make_gan()):
        raise NotFinite("3 of 4 samples are not finite", "is that so?")
    assert raised.value.what == "3 of 4 samples are not finite"


def test_points_that_are_not_finite_have_no_place_in_a_picture():
    with pytest.raises(NotFinite, match="1 of 2 points are not finite"):
        scatter(torch.tensor([[0.0, 0.0], [torch.nan, 0.0]]))
