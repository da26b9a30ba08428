"""The discriminator of patches."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization
from ganexp.networks.patch import Discriminator, PairDiscriminator, convolutions, receptive_field


@pytest.mark.parametrize(("layers", "side"), enumerate([1, 16, 34, 70, 142, 286]))
def test_the_patches_are_those_of_the_paper(layers, side):
    assert receptive_field(convolutions(layers)) == side


@pytest.mark.parametrize("layers", range(4))
def test_the_receptive_field_is_where_the_gradient_reaches(layers):
    network = Discriminator(1, 96, normalization.none(), width=2, layers=layers).double()
    images = torch.randn(1, 1, 96, 96, dtype=torch.float64, requires_grad=True)
    logits = network(images)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    reached = images.grad[0, 0] != 0
    for dimension in (0, 1):
        touched = reached.any(dimension).nonzero()
        assert touched.max() - touched.min() + 1 == network.receptive_field
    assert network.receptive_field == receptive_field(convolutions(layers))


@pytest.mark.parametrize(("layers", "side"), [(0, 64), (1, 32), (3, 8), (5, 2)])
def test_there_is_an_answer_for_each_patch_of_an_image_of_64(layers, side):
    network = Discriminator(3, 64, normalization.spectral(), width=2, layers=layers)
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 1, side, side)


def test_the_patches_of_70_are_judged_by_the_network_of_the_paper():
    network = Discriminator(6, 256, normalization.batch())
    sizes = [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sizes == [(64, 4, 2), (128, 4, 2), (256, 4, 2), (512, 4, 1), (1, 4, 1)]
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 3


def test_with_spectral_normalization_nothing_else_is_normalized():
    network = Discriminator(3, 64, normalization.spectral(), width=2)
    convolutions_of_it = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert all(nn.utils.parametrize.is_parametrized(m, "weight") for m in convolutions_of_it)
    assert not any(isinstance(m, nn.BatchNorm2d | nn.InstanceNorm2d | nn.GroupNorm) for m in network.modules())


def test_an_image_is_judged_beside_its_input():
    network = PairDiscriminator(3, 16, normalization.none(), width=2, layers=2)
    images, inputs = torch.randn(2, 2, 3, 16, 16)
    assert network(images, inputs).shape == (2, 1, 4, 4)
    assert not torch.equal(network(images, inputs), network(images, inputs.flip(0)))


def test_too_many_layers_are_refused_with_how_many_there_may_be():
    with pytest.raises(ValueError, match=r"layers to at most 3"):
        Discriminator(1, 8, normalization.none(), layers=4)
    with pytest.raises(ValueError, match=r"instance normalization.*layers to at most 2"):
        Discriminator(1, 8, normalization.instance(), layers=3)
    with pytest.raises(ValueError, match="layers=-1"):
        Discriminator(1, 8, normalization.none(), layers=-1)
    assert Discriminator(1, 8, normalization.instance(), layers=2)(torch.randn(1, 1, 8, 8)).shape == (1, 1, 2, 2)
