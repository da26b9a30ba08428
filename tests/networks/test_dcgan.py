"""The DCGAN's shapes, widths, initialization and parameter counts."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.networks.dcgan import Discriminator, Generator
from support.networks import count

SIZES = [8, 14, 16, 28, 32, 56, 64, 112, 128]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_shapes_and_range(size, channels):
    generator = Generator(10, channels, size, normalizations.batch(), width=4, max_width=16)
    images = generator(torch.randn(2, 10))
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    discriminator = Discriminator(channels, size, normalizations.batch(), width=4, max_width=16)
    assert discriminator(images).shape == (2,)
    assert discriminator(images[:1]).shape == (1,)


@pytest.mark.parametrize(("size", "near"), [(4, "8"), (7, "8"), (30, "28 or 32"), (100, "64 or 112")])
@pytest.mark.parametrize("build", [lambda s, n: Generator(10, 3, s, n), lambda s, n: Discriminator(3, s, n)])
def test_other_sizes_are_refused_with_the_nearest_ones(build, size, near):
    with pytest.raises(ValueError, match=rf"data\.image_size to {near}$") as caught:
        build(size, normalizations.none())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("argument", ["latent", "channels", "image_size", "width", "max_width"])
def test_sizes_below_one_are_refused_by_name(argument):
    sizes = {"latent": 10, "channels": 3, "image_size": 16, "width": 4, "max_width": 8, argument: 0}
    with pytest.raises(ValueError, match=f"^{argument} must be"):
        Generator(**sizes, normalization=normalizations.none())


def test_an_image_of_another_size_fails_loudly():
    discriminator = Discriminator(3, 16, normalizations.none(), width=4)
    with pytest.raises(RuntimeError):
        discriminator(torch.randn(2, 3, 32, 32))


def test_maps_of_the_discriminator_at_64_are_32_16_8_4_and_the_generators_their_mirror():
    generator = Generator(10, 3, 64, normalizations.batch(), width=4)
    discriminator = Discriminator(3, 64, normalizations.batch(), width=4)
    maps = []
    for network in (generator, discriminator):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.register_forward_hook(lambda _, __, output: maps.append(tuple(output.shape[1:])))
    discriminator(generator(torch.randn(2, 10)))
    assert maps[:5] == [(32, 4, 4), (16, 8, 8), (8, 16, 16), (4, 32, 32), (3, 64, 64)]
    assert maps[5:] == [(4, 32, 32), (8, 16, 16), (16, 8, 8), (32, 4, 4), (1, 1, 1)]


def test_parameter_counts_at_64_in_closed_form():
    generator = Generator(100, 3, 64, normalizations.batch())
    discriminator = Discriminator(3, 64, normalizations.batch())
    widths = [1024, 512, 256, 128]
    between = 16 * (1024 * 512 + 512 * 256 + 256 * 128)
    # Weights, then a scale and a shift for each normalized channel, then the edges' biases.
    assert count(generator) == 16 * (100 * 1024 + 128 * 3) + between + 2 * sum(widths) + 3
    assert count(discriminator) == 16 * (3 * 128 + 1024) + between + 2 * sum(widths[:3]) + 128 + 1


def test_parameter_counts_of_the_half_width_network_are_the_well_known_ones():
    # 3,576,704 and 2,765,568 are those of the common PyTorch example, which leaves out the edges' biases.
    assert count(Generator(100, 3, 64, normalizations.batch(), width=64)) == 3_576_704 + 3
    assert count(Discriminator(3, 64, normalizations.batch(), width=64)) == 2_765_568 + 64 + 1


@pytest.mark.parametrize("name", ["none", "batch", "spectral", "batch_spectral"])
def test_weights_start_from_a_normal_distribution_of_deviation_0_02(name):
    torch.manual_seed(0)
    normalization = getattr(normalizations, name)()
    for network in (Generator(100, 3, 32, normalization), Discriminator(3, 32, normalization)):
        for key, parameter in network.named_parameters():
            tolerance = 4 * 0.02 / parameter.numel() ** 0.5
            if key.endswith("norm.weight"):
                assert parameter.mean().item() == pytest.approx(1, abs=tolerance)
                assert parameter.std().item() == pytest.approx(0.02, rel=0.2)
            elif key.endswith("bias"):
                assert not parameter.any()
            else:
                assert parameter.mean().item() == pytest.approx(0, abs=tolerance)
                assert parameter.std().item() == pytest.approx(0.02, rel=0.06)


def test_normalization_is_on_hidden_layers_only_and_activations_are_the_papers():
    generator = Generator(10, 3, 32, normalizations.batch(), width=4)
    discriminator = Discriminator(3, 32, normalizations.batch(), width=4)

    def norms(network):
        return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())

    assert norms(generator) == 3
    assert norms(discriminator) == 2
    assert not isinstance(generator.layers[-2], nn.Sequential)
    assert not isinstance(discriminator.layers[0], nn.Sequential)
    assert not isinstance(discriminator.layers[-1], nn.Sequential)
    assert isinstance(generator.layers[1], nn.ReLU)
    assert isinstance(generator.layers[-1], nn.Tanh)
    slopes = [module.negative_slope for module in discriminator.modules() if isinstance(module, nn.LeakyReLU)]
    assert slopes == [0.2] * 3
