"""The discriminator of patches."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization
from ganexp.networks.patch import Discriminator, PairDiscriminator
from ganexp.networks.patch_geometry import convolutions, receptive_field


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


@pytest.mark.parametrize("antialias", [False, True])
def test_at_256_there_are_the_30x30_logits_of_the_authors_code(antialias):
    with torch.device("meta"):
        network = Discriminator(3, 256, normalization.instance(), padding="symmetric", antialias=antialias)
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    assert network.receptive_field == (84 if antialias else 70)
    assert not any(isinstance(module, nn.ZeroPad2d) for module in network.modules())


@pytest.mark.parametrize(
    ("norm", "size", "side"), [("instance", 64, 6), ("none", 64, 6), ("spectral", 64, 8), ("instance", 16, 2)]
)
def test_padding_is_symmetric_unless_weights_are_normalized_or_the_image_is_small(norm, size, side):
    network = Discriminator(3, size, getattr(normalization, norm)(), width=2, padding=None)
    assert network(torch.randn(1, 3, size, size)).shape == (1, 1, side, side)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("layers", range(4))
def test_the_smallest_image_has_one_logit_and_a_smaller_one_is_refused_with_how_many_layers_fit(layers, antialias):
    settings = {"width": 2, "padding": "symmetric", "antialias": antialias}
    smallest = 3 * 2**layers if layers else 2
    network = Discriminator(1, smallest, normalization.instance(), layers=layers, **settings)
    assert network(torch.randn(2, 1, smallest, smallest)).shape[-1] == (1 if layers else 2)
    with pytest.raises(ValueError, match=f"{smallest}x{smallest} or more .*layers to at most {max(0, layers - 1)}"):
        Discriminator(1, smallest - 1, normalization.instance(), layers=layers, **settings)


def test_an_absurd_number_of_layers_is_refused_at_once():
    with pytest.raises(ValueError, match="layers to at most 4"):
        Discriminator(1, 64, normalization.none(), layers=200, padding="symmetric")


def test_an_unknown_padding_is_refused():
    with pytest.raises(ValueError, match="padding=valid: choose one of same, symmetric"):
        Discriminator(1, 64, normalization.none(), padding="valid")


@pytest.mark.parametrize("layers", [1, 2])
def test_an_antialiased_patch_is_where_the_gradient_reaches(layers):
    network = Discriminator(1, 96, normalization.none(), width=2, layers=layers, padding="symmetric", antialias=True)
    images = torch.randn(1, 1, 96, 96, dtype=torch.float64, requires_grad=True)
    logits = network.double()(images)
    logits[0, 0, logits.shape[-2] // 2, logits.shape[-1] // 2].backward()
    touched = (images.grad[0, 0] != 0).any(0).nonzero()
    assert touched.max() - touched.min() + 1 == network.receptive_field


def test_without_gains_instance_normalization_has_no_parameters():
    network = PairDiscriminator(3, 64, normalization.instance(), width=2, affine=False)
    assert sum(isinstance(module, nn.InstanceNorm2d) for module in network.modules()) == 3
    assert not any(list(m.parameters()) for m in network.modules() if isinstance(m, nn.InstanceNorm2d))
    # A bias before it would have no effect, and a gradient of rounding errors, which Adam makes steps of.
    assert sum(m.bias is not None for m in network.modules() if isinstance(m, nn.Conv2d)) == 2


def test_weights_are_drawn_by_the_function_that_is_given():
    network = Discriminator(3, 64, normalization.batch(), width=2, init_=nn.init.ones_)
    convolutions_of_it = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert all((m.weight == 1).all() for m in convolutions_of_it)
    assert all((m.bias == 0).all() for m in convolutions_of_it if m.bias is not None)
