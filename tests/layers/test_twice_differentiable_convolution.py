"""A convolution whose derivatives of any order are convolutions: equal to torch's, in every precision and layout."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode

from ganexp.layers.twice_differentiable_convolution import TwiceDifferentiableConv2d, convolution
from ganexp.networks.r3gan import Block, Discriminator
from support.stand_in_device import stand_in_device

OwnConv2d = partial(TwiceDifferentiableConv2d, on_cpu=True)

# Channels in and out, height and width of the kernel, padding, groups.
FORMS = [
    (4, 6, (3, 3), (1, 1), 1),
    (4, 6, (3, 3), (1, 1), 2),
    (4, 4, (3, 2), (0, 1), 4),
    (3, 5, (1, 1), (0, 0), 1),
    (4, 4, (5, 4), (0, 0), 4),
    (2, 3, (3, 3), (2, 2), 1),
]


def tensors(inputs, outputs, kernel, groups, dtype=torch.float64):
    maps = torch.randn(2, inputs, 5, 4, dtype=dtype, requires_grad=True)
    weight = torch.randn(outputs, inputs // groups, *kernel, dtype=dtype, requires_grad=True)
    return maps, weight


def torchs(maps, weight, padding, groups):
    return conv2d(maps, weight, None, 1, padding, 1, groups)


def derivatives(function, maps, weight, padding, groups):
    """Return the value, and the gradients of the first, second and third order of a nonlinear function of it."""
    output = function(maps, weight, padding, groups)
    first = grad(output.tanh().sum(), (maps, weight), create_graph=True)
    second = grad(sum(g.square().sum() for g in first), (maps, weight), create_graph=True)
    third = grad(sum(g.sin().sum() for g in second), (maps, weight))
    return output, *first, *second, *third


@pytest.mark.parametrize(("inputs", "outputs", "kernel", "padding", "groups"), FORMS)
def test_values_and_derivatives_up_to_the_third_are_torchs(inputs, outputs, kernel, padding, groups):
    maps, weight = tensors(inputs, outputs, kernel, groups)
    expected = derivatives(torchs, maps, weight, padding, groups)
    for value, torch_value in zip(derivatives(convolution, maps, weight, padding, groups), expected, strict=True):
        torch.testing.assert_close(value, torch_value, rtol=1e-12, atol=1e-12 * torch_value.abs().max().item())


@pytest.mark.parametrize(("inputs", "outputs", "kernel", "padding", "groups"), FORMS)
@pytest.mark.thinned(2)
def test_derivatives_are_those_of_finite_differences(inputs, outputs, kernel, padding, groups):
    arguments = tensors(inputs, outputs, kernel, groups)
    function = lambda maps, weight: convolution(maps, weight, padding, groups)  # noqa: E731
    assert gradcheck(function, arguments)
    assert gradgradcheck(function, arguments)


@pytest.mark.parametrize("needed", [(True, False), (False, True)])
def test_only_the_gradients_needed_are_computed(needed):
    maps, weight = (t.detach().requires_grad_(n) for t, n in zip(tensors(4, 6, (3, 3), 2), needed, strict=True))
    convolution(maps, weight, (1, 1), 2).square().sum().backward()
    assert (maps.grad is not None, weight.grad is not None) == needed


class Convolutions(TorchDispatchMode):
    """Counts convolutions and gradients of convolutions."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution.default:
            self.count += 1
        elif func is torch.ops.aten.convolution_backward.default:
            self.count += sum(args[-1][:2])
        return func(*args, **(kwargs or {}))


def convolutions_of_a_penalty(function, groups):
    """Return how many convolutions a loss with a squared input gradient takes, forward and backward."""
    maps, weight = tensors(8, 8, (3, 3), groups)
    with Convolutions() as counted:
        output = function(maps, weight, (1, 1), groups).tanh().sum()
        (slope,) = grad(output, maps, create_graph=True)
        (output + slope.square().sum()).backward()
    return counted.count


def test_a_penalty_takes_as_many_convolutions_for_many_groups_as_for_one():
    # Forward, its two gradients, and of the image's gradient the value and again two gradients.
    assert [convolutions_of_a_penalty(convolution, groups) for groups in (1, 2, 8)] == [6, 6, 6]
    assert convolutions_of_a_penalty(torchs, 1) == 6
    # torch's has one for each group instead of one for all, which is why the layer exists.
    assert [convolutions_of_a_penalty(torchs, groups) for groups in (2, 8)] == [5 + 2, 5 + 8]


def test_on_a_cpu_the_layer_is_torchs_and_on_another_device_has_the_same_derivatives():
    own, other = TwiceDifferentiableConv2d(8, 8, 3, padding=1, groups=2), nn.Conv2d(8, 8, 3, padding=1, groups=2)
    other.load_state_dict(own.state_dict())
    maps = torch.randn(4, 8, 6, 6)
    expected = penalty_gradients(other, maps, False)
    for value, torchs_value in zip(penalty_gradients(own, maps, False), expected, strict=True):
        assert torch.equal(value, torchs_value)
    with stand_in_device() as device:
        found = penalty_gradients(own.to(device), maps.to(device), False)
    for value, torchs_value in zip(found, expected, strict=True):
        torch.testing.assert_close(value.values, torchs_value)


def layers(bias=True):
    own = OwnConv2d(8, 8, 3, padding=1, groups=2, bias=bias)
    other = nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=bias)
    other.load_state_dict(own.state_dict())
    return own, other


@pytest.mark.parametrize("bias", [True, False])
def test_the_layer_has_the_state_and_the_initialization_of_torchs(bias):
    torch.manual_seed(1)
    own = OwnConv2d(8, 8, 3, padding=1, groups=2, bias=bias)
    torch.manual_seed(1)
    other = nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=bias)
    assert own.state_dict().keys() == other.state_dict().keys()
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in own.state_dict().items())
    maps = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(own(maps), other(maps))


def penalty_gradients(layer, maps, enabled):
    """Return a squared input gradient, and its gradient with respect to the weight, after a pass under autocast."""
    maps = maps.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        output = layer(maps)
    (slope,) = grad(output.float().tanh().sum(), maps, create_graph=True)
    penalty = slope.square().sum()
    return output, slope, penalty, grad(penalty, layer.weight)[0]


def test_under_autocast_it_computes_in_bfloat16_and_leaves_have_their_own_dtype():
    # The processor's kernel of torch's layer adds the bias before it rounds.
    own, other = layers(bias=False)
    maps = torch.randn(4, 8, 6, 6)
    found, expected = (penalty_gradients(layer, maps, True) for layer in (own, other))
    assert found[0].dtype == torch.bfloat16
    assert [value.dtype for value in found[1:]] == [torch.float32] * 3
    exact = penalty_gradients(other, maps, False)
    for value, torchs_value, exact_value in zip(found, expected, exact, strict=True):
        own_error, torchs_error = ((v.float() - exact_value).norm() for v in (value, torchs_value))
        assert own_error < 2 * torchs_error + 1e-6
        assert own_error < 0.02 * exact_value.norm()


def test_what_was_computed_in_float32_has_derivatives_in_float32_under_autocast():
    own, _ = layers()
    maps = torch.randn(4, 8, 6, 6, requires_grad=True)

    def gradients(enabled):
        (slope,) = grad(own(maps).tanh().sum(), maps, create_graph=True)
        penalty = slope.square().sum()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            return grad(penalty, own.weight)[0]

    assert torch.equal(gradients(True), gradients(False))


def test_the_layout_of_channels_last_is_kept():
    own, other = (layer.to(memory_format=torch.channels_last) for layer in layers())
    maps = torch.randn(4, 8, 6, 6).contiguous(memory_format=torch.channels_last)
    for value, expected in zip(*(penalty_gradients(layer, maps, False) for layer in (own, other)), strict=True):
        torch.testing.assert_close(value, expected)
    assert own(maps).is_contiguous(memory_format=torch.channels_last)


def test_r3gans_discriminator_has_the_same_state_logits_and_penalty():
    torch.manual_seed(0)
    other = Discriminator(3, 8, width=8, convolution=nn.Conv2d).double()
    for module in other.modules():
        if isinstance(module, Block):
            nn.init.normal_(module.residual[4].weight, 0, 0.1)
    own = Discriminator(3, 8, width=8, convolution=OwnConv2d).double()
    assert own.state_dict().keys() == other.state_dict().keys()
    own.load_state_dict(other.state_dict())
    kinds = {type(module) for module in own.modules() if isinstance(module, nn.Conv2d)}
    assert kinds == {TwiceDifferentiableConv2d}
    assert {type(module) for module in Discriminator(3, 8, width=8).modules() if isinstance(module, nn.Conv2d)} == kinds
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64, requires_grad=True)

    def penalized(network):
        logits = network(images)
        (slope,) = grad(logits.sum(), images, create_graph=True)
        (logits.sum() + slope.square().sum()).backward()
        return [logits, slope, *(p.grad for p in network.parameters())]

    for value, expected in zip(penalized(own), penalized(other), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(copy.deepcopy(own)(images), own(images))
