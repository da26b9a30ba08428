"""The convolutional networks of arXiv 1802.05957, table 3."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.initialization import dcgan_normal_
from ganexp.networks.sngan_cnn import Discriminator, Generator
from support.networks import count


def convolutions(module):
    return [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0])
        for m in module.modules()
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
    ]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 28, 32, 48, 64, 128])
def test_shapes_and_range(size, channels):
    images = Generator(10, channels, size, normalizations.batch(), width=4, max_width=16)(torch.randn(2, 10))
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    discriminator = Discriminator(channels, size, normalizations.spectral(), width=4, max_width=16)
    assert discriminator(images).shape == (2,)


@pytest.mark.parametrize("size", [32, 48])
def test_layers_are_the_papers_at_32_and_48(size):
    generator = Generator(128, 3, size, normalizations.batch())
    assert convolutions(generator) == [(512, 256, 4, 2), (256, 128, 4, 2), (128, 64, 4, 2), (64, 3, 3, 1)]
    assert generator.layers[0].out_features == 512 * (size // 8) ** 2
    assert convolutions(Discriminator(3, size, normalizations.spectral())) == [
        (3, 64, 3, 1), (64, 128, 4, 2), (128, 128, 3, 1), (128, 256, 4, 2), (256, 256, 3, 1), (256, 512, 4, 2),
        (512, 512, 3, 1),
    ]  # fmt: skip


def test_parameter_counts_at_32_in_closed_form():
    generator = Generator(128, 3, 32, normalizations.batch())
    discriminator = Discriminator(3, 32, normalizations.spectral())
    between = 512 * 256 + 256 * 128 + 128 * 64
    assert count(generator) == 129 * 8192 + 16 * between + 2 * (256 + 128 + 64) + 27 * 64 + 3
    same, biases = 128**2 + 256**2 + 512**2, 64 + 2 * (128 + 256 + 512)
    assert count(discriminator) == 9 * (3 * 64 + same) + 16 * between + biases + 8192 + 1


def test_spectral_normalization_is_on_every_layer_and_batch_norm_on_none_of_the_papers_discriminator():
    discriminator = Discriminator(3, 32, normalizations.spectral(), width=4)
    assert sum(name.endswith("weight.original") for name in discriminator.state_dict()) == 8
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules())
    assert {m.negative_slope for m in discriminator.modules() if isinstance(m, nn.LeakyReLU)} == {0.1}


@pytest.mark.parametrize("build", [lambda s, n: Generator(10, 3, s, n), lambda s, n: Discriminator(3, s, n)])
def test_other_sizes_are_refused_with_the_nearest_ones(build):
    with pytest.raises(ValueError, match=r"4x4 or 6x6 or 7x7 .* data\.image_size to 28 or 32$"):
        build(30, normalizations.none())
    with pytest.raises(ValueError, match=r"^channels must be"):
        Discriminator(0, 32, normalizations.none())


def test_an_image_of_another_size_fails_loudly():
    with pytest.raises(RuntimeError):
        Discriminator(3, 16, normalizations.none(), width=4)(torch.randn(2, 3, 32, 32))


def test_normalize_first_adds_a_normalization_and_relu_after_the_linear_layer():
    plain, normalized = (
        Generator(16, 3, 32, normalizations.batch(), width=4, normalize_first=first) for first in (False, True)
    )
    assert [type(layer).__name__ for layer in plain.layers[:2]] == ["Linear", "Unflatten"]
    assert [type(layer).__name__ for layer in normalized.layers[:3]] == ["Sequential", "ReLU", "Unflatten"]
    first = normalized.layers[:3](torch.randn(64, 16))
    assert first.shape == (64, 32, 4, 4)
    # ReLU of a standard normal number has the mean 1/sqrt(2 pi), and BN has one mean for each position and channel.
    assert first.mean(0).sub(0.4).abs().max() < 0.3
    assert first.min() == 0


def test_the_slope_is_that_of_every_leaky_relu():
    network = Discriminator(3, 32, normalizations.none(), width=2, slope=0.2)
    assert {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def seeded(**settings):
    torch.manual_seed(5)
    return Discriminator(3, 32, normalizations.spectral(), width=8, **settings)


def originals(network):
    return [weight for name, weight in network.named_parameters() if name.endswith("weight.original")]


@pytest.mark.parametrize(
    ("init_", "std"),
    [(dcgan_normal_, lambda _: 0.02), (nn.init.kaiming_normal_, lambda inputs: math.sqrt(2 / inputs))],
)
def test_the_weights_of_all_layers_have_the_standard_deviation_of_the_initialization(init_, std):
    weights = originals(seeded(init_=init_))
    assert len(weights) == 8
    for weight in weights:
        # The standard error of a standard deviation is 1/sqrt(2 n) of it.
        tolerance = 4 / math.sqrt(2 * weight.numel())
        assert weight.std(correction=0).item() == pytest.approx(std(weight[0].numel()), rel=tolerance)


def test_the_initialization_is_that_of_the_authors_code_if_none_is_given():
    default, explicit = seeded().state_dict(), seeded(init_=dcgan_normal_).state_dict()
    assert default.keys() == explicit.keys()
    assert all(torch.equal(value, explicit[key]) for key, value in default.items())


def test_the_logits_under_spectral_normalization_do_not_depend_on_the_scale_of_the_initialization():
    images = torch.randn(2, 3, 32, 32)
    narrow, wide = (seeded(init_=partial(nn.init.normal_, std=std)).eval() for std in (0.02, 0.32))
    torch.testing.assert_close(wide(images), narrow(images))
    assert all(torch.equal(16 * a, b) for a, b in zip(originals(narrow), originals(wide), strict=True))
