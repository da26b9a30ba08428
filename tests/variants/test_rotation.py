"""Self-supervised GANs: who learns rotations of what, and that rotations are what they say (arXiv 1811.11212)."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from ganexp.cli import main
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.variants.rotation import RotationCritic, all_rotations
from support.games import batch_of, tiny_with
from support.stand_in_trainer import StandInTrainer


def test_four_rotations_bring_every_image_back():
    images = torch.rand(3, 2, 8, 8)
    rotated, rotation = all_rotations(images)
    assert rotation.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    for image, turns in zip(rotated, rotation, strict=True):
        back = image.rot90(-int(turns), (1, 2))
        assert any(torch.equal(back, original) for original in images)


def test_a_network_that_sees_no_difference_pays_for_guessing():
    critic = RotationCritic(lambda images: (images.mean((1, 2, 3)), torch.zeros(len(images), 4)), weight=0.5)
    _, terms = critic.judge(torch.rand(8, 1, 4, 4))
    assert terms["rotation"].item() == pytest.approx(0.5 * math.log(4))


def test_rotations_of_real_images_are_the_discriminators_and_of_fakes_the_generators():
    config = tiny_with("ssgan", {"model.real_rotation": 3.0, "normalization.discriminator": {
        "_target_": "ganexp.layers.normalization.none"}})  # fmt: skip
    torch.manual_seed(0)
    game = build(config.model)
    game._trainer = StandInTrainer(game)
    batch = batch_of(config)
    terms = game.discriminator_loss(batch)
    rotated, rotation = all_rotations(batch["image"][:1])
    expected = 3 * cross_entropy(game.discriminator(rotated)[1], rotation)
    torch.testing.assert_close(terms["rotation"], expected)
    of_generator = game.generator_loss(batch)["rotation"]
    (gradient, *_) = torch.autograd.grad(of_generator, list(game.generator.parameters()))
    assert gradient.abs().max() > 0


def test_rectangles_are_refused(capsys):
    assert main.main(["model=ssgan", "data.image_size=[16,32]"]) == 2
    assert "a rectangle then has another shape" in capsys.readouterr().err


def test_weights_below_0_are_refused():
    with pytest.raises(UserError, match="at least 0"):
        build(tiny_with("ssgan", {"model.fake_rotation": -1.0}).model)
