"""Modulated convolutions against convolutions whose weights are modulated for each image."""

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from ganexp.layers.modulation import ModulatedConv2d, StyledConvolution
from ganexp.layers.resampling.fir import Filter


def inputs(n=3, channels=4, style=5):
    rng = torch.Generator().manual_seed(0)
    return (torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in ((n, channels, 6, 4), (n, style)))


def modulated(layer, style):
    """Return the weights (outputs, C, k, k) of one image, by eqs. 1 and 3 of arXiv 1912.04958."""
    weight = layer.weight * layer.affine(style)[None, :, None, None]
    if layer.demodulate:
        return weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    return weight / weight[0].numel() ** 0.5


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("doubling", [False, True])
def test_scaling_maps_is_scaling_the_weights_of_each_image(doubling, demodulate):
    layer = ModulatedConv2d(5, 4, 7, doubling=doubling, demodulate=demodulate).double()
    maps, style = inputs()
    for number, image in enumerate(maps):
        weight = modulated(layer, style[number])
        if doubling:
            whole = conv_transpose2d(image[None], weight.transpose(0, 1), stride=2)
            expected = Filter().double().blurred(whole, padding=1, gain=4.0)
        else:
            expected = conv2d(image[None], weight, padding=1)
        assert torch.allclose(layer(maps, style)[number], expected[0], atol=1e-12)


def test_demodulated_maps_do_not_depend_on_the_size_of_the_scales():
    layer = ModulatedConv2d(5, 4, 7).double()
    maps, style = inputs()
    with torch.no_grad():
        before = layer(maps, style)
        for parameter in layer.affine.parameters():
            parameter.mul_(1000)
        assert torch.allclose(layer(maps, style), before, atol=1e-6)


def test_demodulation_gives_maps_of_unit_variance_to_maps_of_unit_variance():
    layer = ModulatedConv2d(5, 16, 16)
    rng = torch.Generator().manual_seed(1)
    output = layer(torch.randn(4, 16, 32, 32, generator=rng), torch.randn(4, 5, generator=rng))[..., 1:-1, 1:-1]
    assert output.var(dim=(2, 3)).mean().item() == pytest.approx(1, abs=0.05)


def test_noise_has_no_effect_before_its_strength_is_learned_and_is_added_before_the_activation():
    layer = StyledConvolution(5, 4, 7).double()
    maps, style = inputs()
    noise = torch.randn(3, 1, 6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.equal(layer(maps, style, noise), layer(maps, style, 0 * noise))
    with torch.no_grad():
        layer.noise_strength.fill_(100.0)
    positive = layer(maps, style, noise.abs() + 1) - 100 * 2**0.5 * (noise.abs() + 1)
    assert torch.allclose(positive, layer.convolution(maps, style) * 2**0.5, atol=1e-9)
