"""R3GAN's residual networks (arXiv 2501.05441)."""

import pytest
import torch
from torch import nn

from ganexp.networks.r3gan import Block, Discriminator, Doubling, Generator, Halving


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


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
