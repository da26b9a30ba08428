"""StyleGAN2's game: its own steps for lazy terms, mixing, noise inputs, and samples."""

from collections import Counter

import pytest
import torch

from ganexp.ema import FixedHalfLife
from support.games import batch_of, built, played, tiny_with
from support.stand_in_trainer import StandInTrainer


def game_with(**settings):
    return built(tiny_with("stylegan2", settings))


def count_steps(settings, batches):
    """Return the number of optimizer steps of both players, and the updates of the average."""
    game = game_with(**settings)
    game._trainer = StandInTrainer(game)
    steps = Counter()
    for player, optimizer in zip(game.players(), game._trainer.optimizers, strict=True):
        optimizer.step = lambda name=player.name: steps.update([name])
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for _ in range(batches):
        game.training_step({"image": images}, 0)
    return steps["discriminator"], steps["generator"], game.average.updates


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (5 + 2, 5 + 3, 5)),
        ({"model.separate_steps": False}, (5, 5, 5)),
        ({"model.path_length": None}, (5 + 2, 5, 5)),
        ({"model.path_length.every": 1, "penalty.r1.every": 1}, (5, 5, 5)),
    ],
    ids=["steps of their own", "in the turn's step", "without path lengths", "no lazy term"],
)
def test_lazy_terms_have_steps_of_their_own(settings, expected):
    lazy = {"penalty.r1.every": 4, "model.path_length.every": 2}
    own = {
        key: value for key, value in lazy.items() if settings.get("model.path_length", "") is not None or "r1" in key
    }
    assert count_steps(own | settings, batches=5) == expected


def test_without_steps_of_their_own_lazy_terms_are_beside_the_others():
    separate, joint = (played(tiny_with("stylegan2", {"model.separate_steps": own}), 1) for own in (True, False))
    names = [set(game.read_terms()) for game in (separate, joint)]
    assert (
        names[0]
        == names[1]
        == {*("discriminator/adversarial", "discriminator/r1", "generator/adversarial", "generator/path_length")}
    )


@pytest.mark.parametrize(("mixing", "expected"), [(0.0, {4}), (1.0, {1, 2, 3})])
def test_crossovers_are_drawn_for_the_share_of_turns(mixing, expected):
    game = game_with(**{"model.mixing": mixing})
    layers = game.styled.synthesis.layers
    assert layers == 4
    drawn = set()
    for game.batches_seen in range(40):
        drawn.add(game.draw_crossover("generator").item())
    assert drawn == expected


def test_the_mean_style_follows_the_generators_turn_and_the_average_has_it():
    game = played(tiny_with("stylegan2", {}), 2)
    mean = game.generator.mapping.mean
    assert mean.abs().sum() > 0
    assert torch.equal(mean, game.average.network.mapping.mean)


def test_samples_have_constant_noise_inputs_or_those_of_their_number():
    constant, random = (played(tiny_with("stylegan2", {"model.random_noise_inputs": r}), 2) for r in (False, True))
    for game in (constant, random):
        for convolution in game.average.network.synthesis.convolutions:
            torch.nn.init.ones_(convolution.noise_strength)
        assert torch.allclose(game.sample(66, 0)[:3], game.sample(3, 0), atol=1e-5)
    assert not torch.allclose(constant.sample(2, 0), random.sample(2, 0))
    assert [game.describe_samples(0)["noise_inputs"] for game in (constant, random)] == ["constant", "random"]


def test_truncation_is_of_the_styles_and_stands_in_the_protocol():
    game = played(tiny_with("stylegan2", {}), 2)
    whole = game.sample(8, 0)
    game.sampler.truncate(0.01)
    assert game.sample(8, 0).std(0).mean() < 0.1 * whole.std(0).mean()
    assert game.describe_samples(0)["truncation"] == 0.01
    with pytest.raises(ValueError, match="truncation=0: it must be a finite number above 0"):
        game.sampler.truncate(0)


def test_fakes_have_the_labels_of_the_real_images_in_every_step():
    config = tiny_with("stylegan2_conditional", {"model.mixing": 1.0})
    game = built(config)
    given = {"mapping": [], "discriminator": []}
    for name, network in (("mapping", game.generator.mapping), ("discriminator", game.discriminator)):
        network.register_forward_hook(lambda module, inputs, output, of=given[name]: of.append(inputs[1].tolist()))
    game._trainer = StandInTrainer(game)
    game.training_step(batch_of(config), 0)
    labels = batch_of(config)["label"].tolist()
    assert given["discriminator"] == [labels] * len(given["discriminator"])
    # Two latents of the discriminator's turn and of R1's, of the generator's turn, and of half a batch's path lengths.
    assert given["mapping"] == [labels] * 6 + [labels[:2]] * 2


def test_with_labels_truncation_leads_all_classes_to_the_mean_of_all():
    game = played(tiny_with("stylegan2_conditional", {}), 2)
    labels = [0, 1, 2]
    whole = game.sample(3, 0, labels)
    game.sampler.truncate(0.01)
    assert game.sample(3, 0, labels).std(0).mean() < 0.1 * whole.std(0).mean()


def test_samples_of_a_label_have_the_noise_inputs_of_their_number():
    game = played(tiny_with("stylegan2_conditional", {"model.random_noise_inputs": True}), 1)
    for convolution in game.average.network.synthesis.convolutions:
        torch.nn.init.ones_(convolution.noise_strength)
    in_turn, numbered = game.sample(10, 0), game.sampler.numbered(torch.arange(64), 0)[:10]
    assert torch.allclose(in_turn, numbered, atol=1e-5)
    assert torch.allclose(game.sample(10, 0, [3])[3], in_turn[3], atol=1e-5)
    assert not torch.allclose(game.sample(10, 0, [3])[4], in_turn[4], atol=1e-3)


def test_with_a_frozen_mapping_path_lengths_are_those_of_the_synthesis():
    game = played(tiny_with("stylegan2", {"model.freeze.generator": ["mapping"]}), 1)
    assert "generator/path_length" in game.read_terms()


def test_the_half_life_is_a_number_of_images_and_at_most_a_share_of_those_seen():
    half_life = FixedHalfLife(half_life=1000, batch_size=10, ramp_up=0.05)
    assert half_life(0.0, 100_000) == 0.0
    assert half_life(0.1, 100_000) == half_life(0.2, 50_000) == pytest.approx(0.5 ** (10 / 500))
    assert half_life(1.0, 100_000) == pytest.approx(0.5 ** (10 / 1000))
    assert FixedHalfLife(1000, 10)(0.0, 100_000) == pytest.approx(0.5 ** (10 / 1000))
