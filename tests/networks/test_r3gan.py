"""R3GAN's residual networks (arXiv 2501.05441)."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d

from ganexp.layers.bilinear import Doubling, Halving, ZeroPaddedDoubling, ZeroPaddedHalving
from ganexp.networks import conditional_r3gan
from ganexp.networks.r3gan import Block, Discriminator, Generator
from support.networks import count


def started(network):
    """The network after its zeros have moved, so that every layer matters."""
    for module in network.modules():
        if isinstance(module, Block):
            nn.init.normal_(module.residual[4].weight, 0, 0.1)
    return network


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 28, 32, 64, 128])
def test_shapes_and_range(size, channels):
    images = Generator(5, channels, size, width=8)(torch.randn(2, 5))
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    assert Discriminator(channels, size, width=8)(images).shape == (2,)


def test_layers_at_64_are_the_papers():
    generator = Generator(64, 3, 64, width=768 // 8)
    grouped = [m for m in generator.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert [m.in_channels // 2 for m in grouped] == [96] * 8 + [48] * 2
    assert {m.in_channels // m.groups for m in grouped} == {16}
    assert not any("norm" in type(m).__name__.lower() for m in generator.modules())


def test_parameter_counts_in_closed_form():
    block = 2 * 64 * 128 + 128 * 16 * 9 + 2 * 128
    assert count(Block(64, 8)) == block
    assert count(Generator(10, 3, 32, width=64)) == 64 * 16 + 64 * 10 + 8 * block + 3 * 64
    assert count(Discriminator(3, 32, width=64)) == 3 * 64 + 8 * block + 64 * 16 + 64


def test_a_block_is_the_identity_at_first():
    maps = torch.randn(2, 8, 4, 4)
    block = Block(8, 8)
    assert torch.equal(block(maps), maps)
    assert not torch.equal(started(block)(maps), maps)


def test_resampling_keeps_constants_and_weighs_one_three_three_one():
    assert torch.allclose(Doubling()(torch.ones(1, 2, 4, 4)), torch.ones(1, 2, 8, 8))
    assert torch.allclose(Halving()(torch.ones(1, 2, 8, 8)), torch.ones(1, 2, 4, 4))
    point = torch.zeros(1, 1, 8, 8)
    point[..., 4, 4] = 64
    weights = torch.tensor([1.0, 3.0])
    assert torch.allclose(Halving()(point)[0, 0, 1:3, 1:3], torch.outer(weights, weights))


@pytest.mark.parametrize("size", [4, 7])
def test_with_zeros_beyond_the_edges_resampling_is_a_convolution(size):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    kernel, maps = torch.outer(taps, taps)[None, None], torch.randn(6, 1, size, size, dtype=torch.float64)
    doubled = conv_transpose2d(maps, 4 * kernel, stride=2, padding=1)
    torch.testing.assert_close(ZeroPaddedDoubling()(maps), doubled, rtol=0, atol=1e-15)
    halved = conv2d(doubled, kernel, stride=2, padding=1)
    torch.testing.assert_close(ZeroPaddedHalving()(doubled), halved, rtol=0, atol=1e-15)


@pytest.mark.parametrize("layer", [Doubling, Halving, ZeroPaddedDoubling, ZeroPaddedHalving])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_resampling_keeps_the_type_and_is_as_exact_as_it(layer, dtype):
    maps = torch.randn(2, 3, 8, 8, dtype=torch.float64).to(dtype)
    seen = layer()(maps)
    assert seen.dtype == dtype
    error = (seen.double() - layer()(maps.double())).abs().max().item()
    assert error <= 4 * torch.finfo(dtype).eps


def test_without_tanh_images_are_not_bounded():
    torch.manual_seed(0)
    bounded, free = (started(Generator(5, 3, 8, width=8, tanh=tanh)) for tanh in (True, False))
    free.load_state_dict(bounded.state_dict())
    noise = 10 * torch.randn(8, 5)
    assert free(noise).abs().max() > 1
    torch.testing.assert_close(free(noise).tanh(), bounded(noise))


def test_labels_change_images_and_logits():
    torch.manual_seed(0)
    network = partial(Generator, channels=3, image_size=8, width=8)
    generator = started(conditional_r3gan.Generator(network, latent=5, num_classes=4, embedding=6))
    assert generator.network.layers[0].scale.in_features == 11
    critic = partial(Discriminator, channels=3, image_size=8, width=8)
    discriminator = started(conditional_r3gan.Discriminator(critic, num_classes=4, embedding=7))
    noise, labels = torch.randn(1, 5).expand(4, -1), torch.arange(4)
    images = generator(noise, labels)
    assert len({tuple(image.flatten().tolist()) for image in images}) == 4
    logits = discriminator(images[:1].expand(4, -1, -1, -1), labels)
    assert logits.shape == (4,)
    assert len(set(logits.tolist())) == 4
    features = discriminator.network(images)
    assert features.shape == (4, 7)
    torch.testing.assert_close(discriminator(images, labels), (features * discriminator.embedding(labels)).sum(1))


@pytest.mark.parametrize(
    ("network", "shape"), [(Generator(5, 3, 32, width=8), (4, 5)), (Discriminator(3, 32, width=8), (4, 3, 32, 32))]
)
def test_every_parameter_gets_a_gradient(network, shape):
    output = started(network)(torch.randn(shape))
    (output * torch.randn_like(output)).sum().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in network.parameters())


def test_the_discriminator_can_be_differentiated_twice():
    discriminator, images = started(Discriminator(3, 8, width=8)), torch.randn(2, 3, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad.any() for name, p in discriminator.named_parameters() if name.endswith("weight"))


def test_what_cannot_be_built_is_refused():
    for build in (lambda: Generator(5, 3, 30), lambda: Discriminator(3, 30)):
        with pytest.raises(ValueError, match=r"data\.image_size to 28 or 32$"):
            build()
    with pytest.raises(ValueError, match=r"^width: 20 channels .*multiple of 8$"):
        Generator(5, 3, 32, width=20)
    with pytest.raises(ValueError, match=r"^width must be"):
        Discriminator(3, 32, width=0)
