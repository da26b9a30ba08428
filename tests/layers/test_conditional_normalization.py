"""Conditional norms: a norm without affine part, then a gain and a bias by label or by vector."""

from functools import partial

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.conditional_normalization import by_label, by_vector


def test_at_first_every_label_gets_plain_batch_norm():
    norm = by_label(nn.BatchNorm2d(6, affine=False), 6, 3)
    maps = 2 + 3 * torch.randn(5, 6, 4, 4)
    assert torch.equal(norm(maps, torch.tensor([0, 1, 2, 0, 1])), nn.BatchNorm2d(6)(maps))


def test_equal_gains_and_biases_are_batch_norms_own():
    norm, plain = by_label(nn.BatchNorm2d(6, affine=False), 6, 3), nn.BatchNorm2d(6)
    with torch.no_grad():
        plain.weight.normal_()
        plain.bias.normal_()
        norm.gain.weight.copy_(plain.weight - 1)
        norm.bias.weight.copy_(plain.bias)
    labels = torch.tensor([0, 1, 2, 0, 1])
    for _ in range(3):
        maps = 2 + 3 * torch.randn(5, 6, 4, 4)
        assert torch.allclose(norm(maps, labels), plain(maps), atol=1e-5)
    assert torch.allclose(norm.eval()(maps, labels), plain.eval()(maps), atol=1e-5)


def test_only_the_labels_seen_learn():
    norm = by_label(nn.BatchNorm2d(6, affine=False), 6, 4)
    norm(torch.randn(4, 6, 4, 4), torch.tensor([1, 3, 3, 1])).square().sum().backward()
    for embedding in (norm.gain, norm.bias):
        assert embedding.weight.grad.any(1).tolist() == [False, True, False, True]


def test_vectors_move_the_gain_around_one_and_the_bias_around_zero():
    prepare = normalizations.none().edge
    norm = by_vector(nn.InstanceNorm2d(6), 6, 5, prepare)
    maps, vectors = torch.randn(2, 6, 4, 4), torch.randn(2, 5)
    gain, bias = (layer.weight @ vectors.T for layer in (norm.gain, norm.bias))
    expected = (1 + gain.T[:, :, None, None]) * nn.InstanceNorm2d(6)(maps) + bias.T[:, :, None, None]
    assert torch.allclose(norm(maps, vectors), expected, atol=1e-6)
    assert torch.equal(norm(maps, torch.zeros(2, 5)), nn.InstanceNorm2d(6)(maps))


@pytest.mark.parametrize("name", ["none", "batch", "instance", "layer", "group", "spectral", "batch_spectral"])
def test_norms_of_maps_by_themselves_have_an_affine_part_or_none(name):
    norm = partial(getattr(normalizations, name)().maps, 8)
    maps = torch.randn(3, 8, 4, 4)
    assert norm()(maps).shape == maps.shape
    assert torch.allclose(norm()(maps), norm(affine=False)(maps), atol=1e-6)
    assert not list(norm(affine=False).parameters())
    assert len(list(norm().parameters())) == (0 if name in ("none", "spectral") else 2)
