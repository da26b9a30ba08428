"""Conditional R3GAN: fake images have the labels of the real ones."""

from functools import partial

import pytest
import torch

from ganexp import schedules
from ganexp.variants.samplers.base import clamped
from support.games import Trainer, batch_of, built, tiny_with

BETA2 = partial(schedules.cosine, initial=0.9, final=0.99)


def labels_judged(config):
    """Return the labels of the generator's and of the discriminator's calls in one step."""
    game, calls = built(config), {"generator": [], "discriminator": []}
    game._trainer = Trainer(game)
    for name, labels in calls.items():
        getattr(game, name).register_forward_hook(lambda _, inputs, output, labels=labels: labels.append(inputs[1]))
    batch = batch_of(config)
    batch["label"] = torch.tensor([7, 1, 3, 9])
    game.training_step(batch, 0)
    return calls


def test_every_fake_image_has_the_label_of_the_real_one_it_is_paired_with():
    calls = labels_judged(tiny_with("r3gan_conditional", {"model.fresh_generator_batch": False}))
    assert all(labels.tolist() == [7, 1, 3, 9] for labels in (*calls["generator"], *calls["discriminator"]))
    assert [len(labels) for labels in calls.values()] == [2, 4]


def test_the_generators_turn_has_the_labels_of_its_own_real_images():
    calls = labels_judged(tiny_with("r3gan_conditional", {}))
    assert [labels.tolist() for labels in calls["generator"]] == [[7, 3], [1, 9]]
    assert [labels.tolist() for labels in calls["discriminator"]] == [[7, 3], [7, 3], [1, 9], [1, 9]]


def test_other_conditional_games_draw_them():
    calls = labels_judged(tiny_with("cdcgan", {}))
    assert any(labels.tolist() != [7, 1, 3, 9] for labels in calls["generator"])


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_the_second_beta_follows_its_schedule(progress):
    config = tiny_with("r3gan_conditional", {})
    game = built(config)
    game._trainer = Trainer(game)
    game.images_seen = int(progress * game.images)
    game.training_step(batch_of(config), 0)
    betas = [group["betas"] for optimizer in game._optimizers() for group in optimizer.param_groups]
    assert betas == [pytest.approx((0.0, BETA2(progress)))] * 2


def test_samples_are_clamped_but_what_the_critic_judges_is_not():
    game = built(tiny_with("r3gan_conditional", {}))
    for network in (game.average.network, game.generator):
        torch.nn.init.constant_(network.network.layers[0].maps, 50)
    assert game.sample(16, seed=0).abs().max() == 1
    assert game.sampler.numbered(torch.arange(64), 0).abs().max() == 1
    assert game.sampler.current(16, 0).abs().max() > 1
    assert clamped(torch.tensor([float("inf"), float("nan"), 2.0])).isfinite().tolist() == [False, False, True]
