"""InfoGAN: codes are drawn as the paper's, and both players maximize a bound of their information."""

import math

import pytest
import torch

from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.noise import Codes, with_codes
from ganexp.variants.infogan import code_loss
from ganexp.variants.samplers.base import clamped
from support.games import batch_of, tiny_with
from support.stand_in_trainer import StandInTrainer


@pytest.fixture
def game():
    return build(tiny_with("infogan", {"ema": None}).model)


def noise(n, seed=0):
    return with_codes((n, 9), torch.Generator().manual_seed(seed), categories=4, continuous=2)


def test_codes_are_a_uniform_category_and_uniform_numbers_and_the_rest_is_normal():
    category, continuous, rest = noise(20_000).split([4, 2, 3], dim=1)
    assert set(category.unique().tolist()) == {0.0, 1.0}
    assert (category.sum(1) == 1).all()
    torch.testing.assert_close(category.mean(0), torch.full((4,), 0.25), atol=0.01, rtol=0)
    assert continuous.abs().max() <= 1
    assert continuous.std().item() == pytest.approx(1 / math.sqrt(3), abs=0.01)
    assert rest.std().item() == pytest.approx(1, abs=0.02)


def test_the_bound_is_tight_where_a_categorical_code_is_recovered():
    """The loss is H(c | x) + the entropy of N(c, 1) around what is right: 0 and log sqrt(2 pi) for each number."""
    codes = noise(100)[:, :6]
    recovered = torch.cat([100 * codes[:, :4], codes[:, 4:]], dim=1)
    assert code_loss(recovered, codes, 4).item() == pytest.approx(math.log(2 * math.pi), rel=1e-5)


def test_a_head_that_knows_nothing_pays_the_entropy_of_the_codes():
    codes = noise(20_000)[:, :6]
    expected = math.log(4) + math.log(2 * math.pi) + 1 / 3
    assert code_loss(torch.zeros_like(codes), codes, 4).item() == pytest.approx(expected, rel=0.01)


def test_both_players_minimize_the_codes_loss_of_fakes_and_neither_of_real_images():
    config = tiny_with("infogan", {"model.information": 2.0, "normalization.discriminator": {
        "_target_": "ganexp.layers.normalization.none"}})  # fmt: skip
    torch.manual_seed(0)
    game = build(config.model)
    game._trainer = StandInTrainer(game)
    batch = batch_of(config)
    for player, loss in (("discriminator", game.discriminator_loss), ("generator", game.generator_loss)):
        drawn = game.draw_noise(player, len(batch["image"]))
        _, recovered = game.discriminator(game.generator(drawn))
        torch.testing.assert_close(loss(batch)["information"], 2 * code_loss(recovered, drawn[:, :12], 10))


def test_samples_of_chosen_categories_have_their_numbers_noise_otherwise(game):
    game.generator.forward = lambda noise: noise[..., None, None]
    mixed, plain = game.sample_categories(5, 3, [3, 7]), game.sample(5, 3)
    assert mixed[:, :10].flatten(1).argmax(1).tolist() == [3, 7, 3, 7, 3]
    assert torch.equal(mixed[:, 10:], plain[:, 10:])
    for codes in ([10], [-1], []):
        with pytest.raises(ValueError, match=r"codes=.*: this model has the categories 0 to 9"):
            game.sample_categories(2, 0, codes)
    with pytest.raises(ValueError, match="its own categories are codes"):
        game.sample(2, 0, [3])
    with pytest.raises(ValueError, match="which have no tails"):
        game.sampler.truncate(0.5)


@pytest.mark.parametrize("continuous", [2, 0])
def test_a_grid_has_a_category_in_each_row_and_a_continuous_code_along_it(game, continuous):
    game.generator.forward = lambda noise: noise[..., None, None]
    game.sampler.codes = Codes(12 - continuous, continuous)
    grid = game.sample_code_grid(3, 5, seed=1).flatten(1).unflatten(0, (3, 5))
    assert (grid[:, :, : 12 - continuous].argmax(2) == torch.arange(3)[:, None]).all()
    of_samples = clamped(game.sampler.numbered_noise(torch.arange(5), 1))
    if continuous:
        assert grid[0, :, 10].tolist() == [-1, -1, 0, 1, 1]  # -2 to 2, clamped as images are
        assert (grid[..., 11:] == of_samples[0, 11:]).all()
    else:
        assert (grid[..., 12:] == of_samples[:, 12:]).all()


def test_noise_without_a_column_of_its_own_is_refused():
    with pytest.raises(UserError, match="latent=12: it must be above"):
        build(tiny_with("infogan", {"model.latent": 12}).model)
