"""The tutorial's network, layer by layer."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.networks.dcgan_tutorial import Discriminator, Generator
from support.networks import count


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_range(channels):
    images = Generator(100, channels, 28, normalizations.batch())(torch.randn(2, 100))
    assert images.shape == (2, channels, 28, 28)
    assert images.abs().max() <= 1
    assert Discriminator(channels, 28, normalizations.none())(images).shape == (2,)


def test_parameter_counts_in_closed_form():
    generator = Generator(100, 1, 28, normalizations.batch())
    discriminator = Discriminator(1, 28, normalizations.none())
    maps = 128 * 7 * 7
    assert count(generator) == 101 * 1024 + 1024 * maps + 2 * maps + 64 * (128 * 25 + 1) + (64 * 25 + 1)
    assert count(discriminator) == 64 * 26 + 128 * (64 * 25 + 1) + 1024 * (maps + 1) + 1025


@pytest.mark.parametrize(("padding", "side"), [(0, 5), (1, 6), (2, 7)])
def test_the_second_convolutions_padding_decides_the_size_of_the_last_maps(padding, side):
    discriminator = Discriminator(1, 28, normalizations.none(), second_padding=padding)
    assert count(discriminator) == 64 * 26 + 128 * (64 * 25 + 1) + 1024 * (128 * side**2 + 1) + 1025
    assert discriminator(torch.zeros(2, 1, 28, 28)).shape == (2,)
    with pytest.raises(ValueError, match="second_padding must be 0, 1 or 2, not 3"):
        Discriminator(1, 28, normalizations.none(), second_padding=3)


def test_batch_norm_has_the_epsilon_that_is_asked_for():
    for settings, epsilon in (({}, 1e-5), ({"batch_norm_epsilon": 1e-3}, 1e-3)):
        generator = Generator(10, 1, 28, normalizations.batch(), **settings)
        assert [m.eps for m in generator.modules() if isinstance(m, nn.BatchNorm1d)] == [epsilon]
    with pytest.raises(ValueError, match="batch_norm_epsilon must be above 0, not 0"):
        Generator(10, 1, 28, normalizations.batch(), batch_norm_epsilon=0)


@pytest.mark.parametrize("build", [lambda s, n: Generator(10, 1, s, n), lambda s, n: Discriminator(1, s, n)])
def test_other_sizes_are_refused(build):
    with pytest.raises(ValueError, match=r"data\.image_size to 28, not 32"):
        build(32, normalizations.none())


def test_one_layer_of_each_network_is_normalized():
    generator, discriminator = (
        Generator(10, 1, 28, normalizations.batch()),
        Discriminator(1, 28, normalizations.batch()),
    )
    assert [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm1d)] == [6272]
    assert [m.num_features for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d)] == [128]


def test_spectral_normalization_is_on_every_layer():
    for network, layers in (
        (Generator(10, 1, 28, normalizations.spectral()), 4),
        (Discriminator(1, 28, normalizations.spectral()), 4),
    ):
        assert sum(key.endswith("weight.original") for key in network.state_dict()) == layers
