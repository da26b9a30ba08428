"""The perceptrons' shapes, layers and parameter counts."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.networks.mlp import Discriminator, Generator


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 9), (1, 28), (2, 1)])
def test_shapes_and_range(channels, size):
    images = Generator(5, channels, size, normalizations.none(), widths=(8,))(10 * torch.randn(4, 5))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    discriminator = Discriminator(channels, size, normalizations.none(), widths=(8,))
    logits = discriminator(images)
    assert logits.shape == (4,)
    assert torch.equal(discriminator(images.flatten(1)), logits)


def test_parameter_counts_in_closed_form():
    generator = Generator(100, 1, 28, normalizations.none())
    sizes = [100, 256, 512, 1024, 784]
    expected = sum((a + 1) * b for a, b in pairwise(sizes))
    assert sum(p.numel() for p in generator.parameters()) == expected
    discriminator = Discriminator(1, 28, normalizations.batch(), extra=10)
    # 512 is the input layer and keeps its bias, 256 trades its bias for a scale and a shift.
    expected = 795 * 512 + 512 * 256 + 2 * 256 + 257
    assert sum(p.numel() for p in discriminator.parameters()) == expected


def test_dropout_follows_every_hidden_layer_and_rests_in_evaluation():
    discriminator = Discriminator(1, 8, normalizations.none(), widths=(32, 32, 32), dropout=0.5)
    assert sum(isinstance(module, nn.Dropout) for module in discriminator.modules()) == 3
    images = torch.randn(4, 1, 8, 8)
    assert not torch.equal(discriminator(images), discriminator(images))
    discriminator.eval()
    assert torch.equal(discriminator(images), discriminator(images))


def test_without_hidden_layers_the_discriminator_is_logistic_regression():
    discriminator = Discriminator(2, 1, normalizations.spectral(), widths=())
    assert discriminator(torch.randn(4, 2)).shape == (4,)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("channels", 0), ("image_size", -1), ("widths", (8, 0)), ("dropout", 1.0), ("extra", -1)],
)
def test_what_the_discriminator_cannot_build_is_refused_by_name(argument, value):
    arguments = {"channels": 1, "image_size": 8, argument: value}
    with pytest.raises(ValueError, match=f"^{argument}"):
        Discriminator(**arguments, normalization=normalizations.none())


@pytest.mark.parametrize(("argument", "value"), [("latent", 0), ("latent", 1.5), ("widths", (0,))])
def test_what_the_generator_cannot_build_is_refused_by_name(argument, value):
    arguments = {"latent": 5, "channels": 1, "image_size": 8, argument: value}
    with pytest.raises(ValueError, match=f"^{argument}"):
        Generator(**arguments, normalization=normalizations.none())
