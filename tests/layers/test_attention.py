"""Self-attention is the identity at first, and knows positions only by what is in them."""

import pytest
import torch

from ganexp.layers import normalization as normalizations
from ganexp.layers.attention import SelfAttention


def attention(channels=16, pool=1, gamma=0.7, normalization=normalizations.none):
    module = SelfAttention(channels, normalization().edge, pool)
    torch.nn.init.constant_(module.gamma, gamma)
    return module


@pytest.mark.parametrize("pool", [1, 2])
def test_it_is_the_identity_at_first(pool):
    maps = torch.randn(2, 16, 6, 6)
    assert torch.equal(SelfAttention(16, normalizations.spectral().edge, pool)(maps), maps)


def test_positions_may_be_permuted_before_or_after():
    module, maps, order = attention(), torch.randn(2, 16, 4, 6), torch.randperm(24)

    def permuted(tensor):
        return tensor.flatten(2)[:, :, order].view_as(tensor)

    assert not torch.allclose(module(maps), maps, atol=1e-2)
    assert torch.allclose(module(permuted(maps)), permuted(module(maps)), atol=1e-5)


def test_it_is_the_papers_equations_position_by_position():
    module, maps = attention(), torch.randn(1, 16, 2, 3)
    x = maps[0].flatten(1).T
    f, g, h, v = (layer.weight.flatten(1) for layer in (module.f, module.g, module.h, module.v))
    for j in range(6):
        # Position j asks and the positions i answer.
        scores = torch.stack([(f @ x[j]) @ (g @ x[i]) for i in range(6)])
        taken = v @ sum(share * (h @ x[i]) for i, share in enumerate(scores.softmax(0)))
        assert torch.allclose(module(maps)[0].flatten(1)[:, j], 0.7 * taken + x[j], atol=1e-5)


def test_channels_are_an_eighth_and_a_half_and_no_fewer_than_one():
    assert [layer.out_channels for layer in (attention().f, attention().g, attention().h, attention().v)] == [
        2,
        2,
        8,
        16,
    ]
    assert attention(channels=1)(torch.randn(2, 1, 4, 4)).shape == (2, 1, 4, 4)


def test_pooling_shortens_keys_and_values_and_keeps_the_maps_size():
    module = attention(pool=2)
    assert module(torch.randn(2, 16, 5, 7)).shape == (2, 16, 5, 7)
    constant = torch.ones(1, 16, 4, 4)
    module_without = attention(pool=1)
    module_without.load_state_dict(module.state_dict())
    assert torch.allclose(module(constant), module_without(constant), atol=1e-6)


def test_it_can_be_differentiated_twice():
    module, maps = attention(pool=2), torch.randn(2, 16, 4, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(module(maps).square().sum(), maps, create_graph=True)
    slope.square().sum().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in module.parameters())


def test_the_normalization_reaches_every_convolution():
    state = attention(normalization=normalizations.spectral).state_dict()
    assert sum(name.endswith("weight.original") for name in state) == 4
