"""Consistency regularization: transformed images and perturbed noise, in closed form and in a game."""

from dataclasses import replace

import pytest
import torch

from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.penalties.base import CriticTurn, GeneratorTurn
from ganexp.penalties.consistency import BalancedConsistency, LatentConsistency, flipped_and_shifted
from support.games import played, tiny_with

SHAPE = (64, 2, 8, 16)


def draw(n, sample):
    return sample(n, torch.Generator().manual_seed(0))


def images(seed):
    return torch.rand(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def turn_of(critic, **fields):
    real, fake = images(1), images(2)
    return replace(CriticTurn(critic, critic, real, fake, critic(real), critic(fake), draw), **fields)


def at_a_corner(images):
    return images[:, 0, 0, 0]


def test_images_are_flipped_and_shifted_and_nothing_else():
    image = torch.arange(8.0).reshape(1, 1, 1, 8).expand(1, 1, 8, 8) + 10 * torch.arange(8.0).reshape(8, 1)
    for uniform, rows, columns in (
        ((0.5, 0.5, 0.9), range(8), range(8)),
        ((0.5, 0.5, 0.1), range(8), reversed(range(8))),
        ((0.0, 0.5, 0.9), [1, 0, 1, 2, 3, 4, 5, 6], range(8)),
        ((0.5, 0.99, 0.9), range(8), [1, 2, 3, 4, 5, 6, 7, 6]),
        ((0.5, 0.0, 0.1), range(8), [6, 7, 6, 5, 4, 3, 2, 1]),
    ):
        expected = image[:, :, list(rows)][..., list(columns)]
        torch.testing.assert_close(flipped_and_shifted(image, torch.tensor([uniform]), 0.125), expected)


def test_a_critic_that_no_shift_and_no_flip_changes_is_consistent():
    # The mean of a constant image is left by both.
    flat = images(3).mean((2, 3), keepdim=True).expand(SHAPE)
    turn = turn_of(at_a_corner, real=flat, fake=flat, real_logits=at_a_corner(flat), fake_logits=at_a_corner(flat))
    assert BalancedConsistency()(turn) == 0
    assert BalancedConsistency()(turn_of(at_a_corner)) > 0


def test_balanced_consistency_is_the_squared_change_of_both_sides():
    turn = turn_of(at_a_corner)
    half = turn_of(at_a_corner, fake=turn.real, fake_logits=turn.real_logits)
    only_real = BalancedConsistency(weight=1.0, fake=0.0)(turn)
    # Without shifts an image is either flipped or left alone.
    change = (turn.real[:, 0, 0, -1] - turn.real[:, 0, 0, 0]).square()
    flipped = draw(len(turn.real), lambda n, rng: torch.rand(n, 2, 3, generator=rng))[:, 0, 2] < 0.5
    unshifted = BalancedConsistency(weight=1.0, fake=0.0, shift=0.0)(turn)
    torch.testing.assert_close(unshifted, (change * flipped).mean())
    both = BalancedConsistency(weight=2.0, fake=0.5)
    difference = both(turn) - 2 * only_real
    torch.testing.assert_close(difference, BalancedConsistency(weight=1.0)(turn) - only_real)
    assert both(half) > 0


def test_latent_consistency_of_linear_networks_has_its_closed_form():
    """D(G(z)) = a z has E[(a dz)^2] = a^2 std^2, and G(z) = b z a mean square of b^2 std^2 over pixels."""
    noise = torch.zeros(20_000, 3)

    def regenerate(change):
        return (2 * change(noise))[:, :, None, None]

    fake = regenerate(lambda same: same)
    logits = fake.sum((1, 2, 3))
    penalty = LatentConsistency(weight=1.0, generator_weight=0.25, std=0.1)
    turn = CriticTurn(
        lambda shown: shown.sum((1, 2, 3)), lambda shown: shown.sum((1, 2, 3)), fake, fake, logits, logits, draw,
        regenerate=regenerate,
    )  # fmt: skip
    assert penalty(turn).item() == pytest.approx(3 * (2 * 0.1) ** 2, rel=0.03)
    reward = penalty.generator_value(GeneratorTurn(fake, draw, regenerate))
    assert reward.item() == pytest.approx(-0.25 * (2 * 0.1) ** 2, rel=0.03)


def test_latent_consistency_needs_noise():
    with pytest.raises(UserError, match="without"):
        LatentConsistency()(turn_of(at_a_corner))


@pytest.mark.parametrize(
    ("penalty", "setting"),
    [
        (BalancedConsistency, {"shift": 1.0}),
        (BalancedConsistency, {"fake": -1.0}),
        (LatentConsistency, {"std": 0.0}),
        (LatentConsistency, {"generator_weight": -0.1}),
    ],
)
def test_impossible_settings_are_refused(penalty, setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        penalty(**setting)


@pytest.mark.parametrize("model", ["dcgan_small", "cdcgan"])
def test_both_players_have_a_term_of_latent_consistency_and_the_generator_maximizes_its_own(model):
    game = played(tiny_with(model, {}, penalty="zcr"), 2)
    terms = game.read_terms()
    assert terms["discriminator/zcr"] > 0 > terms["generator/zcr"]


def test_a_penalty_of_the_discriminator_alone_leaves_the_generators_first_turn():
    plain, balanced = (build(tiny_with("dcgan_small", {}, penalty=name).model) for name in ("none", "bcr"))
    assert not any(penalty.affects_generator for penalty in balanced.adversary.penalties.values())
    assert not plain.adversary.penalties
