import math

import pytest
import torch
from torch import nn

from ganexp.layers.equalized import equalized

LAYERS = {
    "linear": (lambda: nn.Linear(12, 8), 12),
    "convolution": (lambda: nn.Conv2d(6, 8, 3), 54),
    "grouped": (lambda: nn.Conv2d(6, 8, 3, groups=2), 27),
    "transposed": (lambda: nn.ConvTranspose2d(6, 8, 3), 54),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_weight_is_the_stored_one_times_hes_constant(name):
    make, fan_in = LAYERS[name]
    layer = equalized(make())
    torch.testing.assert_close(layer.weight, layer.parametrizations.weight.original * math.sqrt(2 / fan_in))


def test_the_stored_weight_has_unit_variance_and_the_gain_sets_the_scale():
    layer = equalized(nn.Linear(400, 300), gain=1.0)
    assert layer.parametrizations.weight.original.std().item() == pytest.approx(1, rel=0.01)
    assert layer.weight.std().item() == pytest.approx(400**-0.5, rel=0.01)


def test_adam_changes_layers_of_any_size_at_the_same_relative_rate():
    changes = []
    for inputs in (10, 1000):
        layer = equalized(nn.Linear(inputs, 50, bias=False))
        before = layer.weight.detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.randn(8, inputs)).square().sum().backward()
        optimizer.step()
        changes.append(((layer.weight - before).norm() / before.norm()).item())
    assert changes[0] == pytest.approx(changes[1], rel=0.1)


def test_a_learning_rate_multiplier_slows_weight_and_bias_down_and_leaves_the_function_as_it_is():
    layer = equalized(nn.Linear(400, 300), gain=1.0, learning_rate_multiplier=0.01, bias=0.5)
    assert layer.weight.std().item() == pytest.approx(400**-0.5, rel=0.01)
    torch.testing.assert_close(layer.bias, torch.full((300,), 0.5))
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    layer(torch.randn(16, 400)).sum().backward()
    torch.optim.Adam(layer.parameters(), lr=0.1).step()
    assert (layer.bias - bias).abs().max().item() == pytest.approx(0.001, rel=1e-3)
    assert (layer.weight - weight).abs().max().item() == pytest.approx(0.001 * 400**-0.5, rel=1e-3)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_refuses_a_multiplier_that_is_not_above_0(rate):
    with pytest.raises(ValueError, match="learning_rate_multiplier"):
        equalized(nn.Linear(2, 2), learning_rate_multiplier=rate)
