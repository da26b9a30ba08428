"""Weight initialization."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.initialization import dcgan_normal_, initialized, weight_init


@pytest.mark.parametrize("init_", [dcgan_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_])
def test_the_weight_is_the_given_initializations_and_the_bias_is_zero(init_):
    torch.manual_seed(2)
    layer = nn.Conv2d(3, 4, 3)
    state = torch.get_rng_state()
    assert initialized(layer, init_) is layer
    torch.set_rng_state(state)
    assert torch.equal(layer.weight, init_(torch.empty(4, 3, 3, 3)))
    assert not layer.bias.any()


def test_spectral_normalization_comes_after_the_initialization():
    layer = weight_init(nn.init.orthogonal_, normalizations.spectral())(nn.Linear(5, 3))
    original = layer.parametrizations.weight.original
    assert torch.allclose(original @ original.T, torch.eye(3), atol=1e-5)
    # An orthogonal weight has the spectral norm 1 already.
    assert torch.allclose(layer.weight, original, atol=1e-5)
