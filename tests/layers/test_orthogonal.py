"""Orthogonal regularization in closed form."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.orthogonal import orthogonal_regularization, overlap


def test_overlap_is_the_off_diagonal_of_the_gram_matrix():
    filters = torch.tensor([[1.0, 2.0], [3.0, 4.0], [0.0, 5.0]])
    assert overlap(filters).item() == 2 * (11**2 + 10**2 + 20**2)


def test_orthogonal_filters_of_any_length_cost_nothing():
    filters = torch.diag(torch.tensor([1.0, 7.0, 0.0]))
    assert overlap(filters).item() == 0


def test_the_gradient_is_the_closed_form():
    filters = torch.randn(4, 6, requires_grad=True)
    overlap(filters).backward()
    gram = filters.detach() @ filters.detach().T
    assert torch.allclose(filters.grad, 4 * (gram * (1 - torch.eye(4))) @ filters.detach(), rtol=1e-4)


def test_more_filters_than_they_have_numbers_cost_the_same_by_the_smaller_matrix():
    filters = torch.randn(9, 2, dtype=torch.float64, requires_grad=True)
    gram = filters @ filters.T
    expected = (gram * (1 - torch.eye(9))).square().sum()
    assert overlap(filters).item() == pytest.approx(expected.item())
    (ours,) = torch.autograd.grad(overlap(filters), filters)
    (theirs,) = torch.autograd.grad(expected, filters)
    assert torch.allclose(ours, theirs)


def test_autocast_changes_nothing():
    network = nn.Linear(50, 40)
    with torch.autocast("cpu", torch.bfloat16):
        inside = orthogonal_regularization(network)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, orthogonal_regularization(network))


def test_layers_are_summed_with_their_outputs_as_filters():
    network = nn.Sequential(
        nn.Linear(5, 4), nn.Conv2d(3, 4, 2), nn.ConvTranspose2d(3, 4, 2), nn.BatchNorm2d(4), nn.Embedding(3, 2)
    )
    matrices = [network[0].weight, network[1].weight.flatten(1), network[2].weight.transpose(0, 1).flatten(1)]
    expected = 1e-4 * sum(((m @ m.T) * (1 - torch.eye(4))).square().sum() for m in matrices)
    assert torch.allclose(orthogonal_regularization(network), expected)
    assert torch.allclose(orthogonal_regularization(network, strength=1.0), 1e4 * expected)


def test_the_weight_before_spectral_normalization_counts_and_no_vector_moves():
    layer = nn.Linear(5, 4)
    expected = orthogonal_regularization(layer).item()
    normalized = normalizations.spectral().edge(layer)
    before = {name: buffer.clone() for name, buffer in normalized.named_buffers()}
    loss = orthogonal_regularization(normalized)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert all(torch.equal(buffer, before[name]) for name, buffer in normalized.named_buffers())
    loss.backward()
    assert normalized.parametrizations.weight.original.grad.any()
