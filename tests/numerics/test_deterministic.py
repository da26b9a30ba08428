"""Deterministic forms equal torch's operations, and no model trains by an operation that has none."""

import pytest
import torch
from torch.nn.functional import grid_sample, interpolate, pad

from ganexp.numerics import deterministic
from ganexp.numerics.grid_sampling import bilinear_samples

EXACT = 1e-12


def antialiased(maps):
    return interpolate(maps, scale_factor=0.5, mode="bilinear", antialias=True)


def bilinear(maps):
    return interpolate(maps, scale_factor=2, mode="bilinear")


def reflected(maps):
    return pad(maps, (1, 3, 2, 0), mode="reflect")


def reflected_in_fixed_order(maps):
    return deterministic.reflection_padded(maps, 1, 3, 2, 0)


def grid():
    # Far beyond the edges too, where the image is mirrored several times.
    return torch.rand(3, 5, 7, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 8 - 4


def sampled(images):
    return grid_sample(images, grid(), mode="bilinear", padding_mode="reflection", align_corners=False)


def sampled_in_fixed_order(images):
    return deterministic.bilinear_samples(images, grid())


def sampled_with_zeros(images):
    return grid_sample(images, grid(), mode="bilinear", padding_mode="zeros", align_corners=False)


FORMS = {
    "antialiased halving": (deterministic.halved, antialiased),
    "bilinear doubling": (deterministic.doubled, bilinear),
    "reflection padding": (reflected_in_fixed_order, reflected),
    "grid sampling": (sampled_in_fixed_order, sampled),
    "grid sampling with zeros": (
        lambda images: deterministic.bilinear_samples(images, grid(), "zeros"),
        sampled_with_zeros,
    ),
    "grid sampling by torch's kernels": (lambda images: bilinear_samples(images, grid(), "reflection"), sampled),
    "the same with zeros": (lambda images: bilinear_samples(images, grid(), "zeros"), sampled_with_zeros),
}
SIZES = ((4, 4), (8, 6), (10, 4))


def random_maps(height, width):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, height, width, generator=rng, dtype=torch.float64).requires_grad_()


def values_and_gradients(function, maps):
    """The values, the gradient of a nonlinear function of them, and the gradient of that gradient's norm."""
    values = function(maps)
    (gradient,) = torch.autograd.grad(values.sin().sum(), maps, create_graph=True)
    try:
        (second,) = torch.autograd.grad(gradient.square().sum(), maps)
    except RuntimeError as error:
        # Before 2.12 torch did not differentiate grid sampling twice.
        if "grid_sampler_2d_backward is not implemented" not in str(error):
            raise
        return values, gradient
    return values, gradient, second


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("ours", "torchs"), FORMS.values(), ids=FORMS)
def test_values_and_first_and_second_gradients_are_those_of_torch(ours, torchs, size):
    maps = random_maps(*size)
    expected = values_and_gradients(torchs, maps)
    for mine, theirs in zip(values_and_gradients(ours, maps)[: len(expected)], expected, strict=True):
        assert mine.shape == theirs.shape
        assert (mine - theirs).abs().max() < EXACT


@pytest.mark.parametrize("padding", ["reflection", "zeros"])
def test_grid_sampling_has_the_same_derivatives_in_a_fixed_order_and_by_torchs_kernels(padding):
    forms = [
        lambda images, form=form: form(images, grid(), padding)
        for form in (deterministic.bilinear_samples, bilinear_samples)
    ]
    ours, theirs = (values_and_gradients(form, random_maps(6, 5)) for form in forms)
    assert len(ours) == len(theirs) == 3
    assert all((one - other).abs().max() < EXACT for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("size", [(2, 2), (2, 6)], ids=str)
def test_the_smallest_maps_are_halved_as_by_torch(size):
    maps = random_maps(*size)
    assert (deterministic.halved(maps) - antialiased(maps)).abs().max() < EXACT


def test_positions_have_torchs_gradients_too():
    images, positions = random_maps(6, 8).detach(), grid().requires_grad_()
    theirs = grid_sample(images, positions, mode="bilinear", padding_mode="reflection", align_corners=False)
    ours = deterministic.bilinear_samples(images, positions)
    gradients = [torch.autograd.grad(each.sin().sum(), positions)[0] for each in (ours, theirs)]
    assert (gradients[0] - gradients[1]).abs().max() < EXACT


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("form", [deterministic.halved, deterministic.doubled])
def test_half_precision_is_rounded_once(form, dtype):
    maps = random_maps(4, 4).detach().to(dtype)
    assert torch.equal(form(maps), form(maps.float()).to(dtype))


@pytest.mark.parametrize("switch", [False, True])
def test_a_processor_keeps_torchs_own_kernels(switch):
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(switch)
    try:
        assert not deterministic.required(torch.zeros(1))
        assert deterministic.required(torch.zeros(1, device="meta")) is switch
    finally:
        torch.use_deterministic_algorithms(before)
