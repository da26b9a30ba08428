"""Rectangles, [height, width]: all models that accept them are trained on them, and [S, S] is a square."""

import pytest
import torch

from config.test_configs import DRAWING, GROUPS, TRANSLATING
from ganexp.errors import UserError
from ganexp.layers import normalization as normalizations
from ganexp.networks import biggan, dcgan, patch, resnet, sngan_cnn, translator, unet
from support.games import batch_of, built, played, tiny_model, tiny_with
from support.parts import thinned
from support.tiny import same, state

DEFAULT = ("cdcgan", "cyclegan", "dcgan", "pix2pix", "sngan_resnet")
MODELS = sorted({*DRAWING, *TRANSLATING} - {"dcgan_tutorial", "ssgan"})
NORM = normalizations.batch()


def wide(model, **groups):
    side = tiny_model(model).data.image_size
    return tiny_with(model, {"data.image_size": [side, 2 * side]}, **groups)


@pytest.mark.parametrize("model", thinned(MODELS, 1, slow=set(MODELS) - set(DEFAULT)))
def test_a_model_is_trained_on_rectangles_and_makes_them(model):
    config = wide(model)
    game = played(config, 2)
    assert all(parameter.isfinite().all() for parameter in game.parameters())
    batch = batch_of(config)
    made = game.translator("a2b")(batch["input"]) if hasattr(game, "translator") else game.sample(4, 0)
    assert made.shape == batch["image"].shape


@pytest.mark.parametrize("augmentation", thinned(sorted(GROUPS["augmentation"]), 1, slow={"none"}))
def test_rectangles_are_augmented(augmentation):
    game = played(wide("dcgan", augmentation=augmentation), 1)
    assert all(parameter.isfinite().all() for parameter in game.parameters())


@pytest.mark.parametrize("model", thinned(MODELS, 1, slow=set(MODELS) - {"dcgan", "sngan_resnet"}))
def test_a_square_given_twice_is_the_square(model):
    side = tiny_model(model).data.image_size
    square = built(tiny_with(model, {}))
    twice = built(tiny_with(model, {"data.image_size": [side, side]}))
    assert same(state(square), state(twice))


def test_a_rectangle_that_is_turned_has_the_turned_first_map():
    generators = [dcgan.Generator(5, 3, size, NORM, width=4, max_width=4) for size in ([16, 32], [32, 16])]
    first = [next(network.parameters()).shape[2:] for network in generators]
    assert (tuple(first[0]), tuple(first[1])) == ((4, 8), (8, 4))


REFUSED = {
    "a side that cannot be halved": (
        lambda: dcgan.Generator(5, 3, [32, 60], NORM),
        r"32x60 .* to \[28,60\] or \[32,64\]$",
    ),
    "a shorter side that no map doubles to": (
        lambda: dcgan.Discriminator(3, [100, 30], NORM),
        r"100x30 .* to \[100,28\] or \[96,32\]$",
    ),
    "a map of six": (lambda: sngan_cnn.Generator(5, 3, [40, 64], NORM), r"to \[32,64\] or \[48,64\]$"),
    "a residual network": (lambda: resnet.Generator(5, 3, [32, 60], NORM), r"a multiple of 8, .* to \[32,64\]$"),
    "a shorter side without an architecture": (
        lambda: biggan.Discriminator(3, [64, 128], NORM, 2),
        "64x128: set data.image_size to 32 or 128, or to a rectangle whose shorter side is one of these$",
    ),
    "a U-Net": (lambda: unet.Generator(3, [31, 64], NORM), r"halve 31x64: set data.image_size to \[32,64\] or"),
    "a translator": (lambda: translator.Generator(3, [30, 64], NORM), r"30x64: set data.image_size to \[32,64\]$"),
    "a patch discriminator": (lambda: patch.Discriminator(3, [4, 64], NORM), "for 4x64 set model.discriminator.layers"),
    "no size": (lambda: dcgan.Generator(5, 3, [32], NORM), r"or \[height, width\] of two such, not \[32\]$"),
}


@pytest.mark.parametrize(("network", "answer"), REFUSED.values(), ids=REFUSED)
def test_a_rectangle_that_cannot_be_made_is_refused_with_the_nearest_that_can(network, answer):
    with pytest.raises(ValueError, match=answer):
        network()


def test_the_model_that_makes_squares_alone_says_which():
    with pytest.raises(UserError, match=r"the tutorial has one size: set data\.image_size to 28, not \[28,56\]$"):
        built(wide("dcgan_tutorial"))


def test_labels_are_a_plane_of_the_rectangle():
    config = wide("cdcgan")
    critic = built(config).discriminator
    assert critic.embedding.embedding_dim == 8 * 16
    assert torch.isfinite(critic(batch_of(config)["image"], torch.zeros(4, dtype=torch.int64))).all()
