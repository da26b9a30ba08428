"""Standing statistics in closed form, and what must not move while they are gathered."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.standing_statistics import batch_norms, with_standing_statistics


def batches(n=5):
    return [(torch.randn(6, 3) * 4 + 2,) for _ in range(n)]


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_they_are_the_mean_of_the_batches_means_and_variances_whatever_was_there_before():
    network, seen = nn.BatchNorm1d(3), batches()
    nn.init.normal_(network.running_mean)
    standing = with_standing_statistics(network, seen)
    assert torch.allclose(standing.running_mean, torch.stack([x.mean(0) for (x,) in seen]).mean(0))
    assert torch.allclose(standing.running_var, torch.stack([x.var(0) for (x,) in seen]).mean(0))


def test_they_do_not_depend_on_the_order_of_the_batches():
    network, seen = nn.BatchNorm1d(3), batches()
    one, other = with_standing_statistics(network, seen), with_standing_statistics(network, seen[::-1])
    assert torch.allclose(one.running_mean, other.running_mean)
    assert torch.allclose(one.running_var, other.running_var)


def test_the_network_itself_stays_as_it_was():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).train()
    before, momentum = state(network), network[1].momentum
    standing = with_standing_statistics(network, batches())
    assert all(torch.equal(before[name], tensor) for name, tensor in state(network).items())
    assert (network.training, network[1].training, network[1].momentum) == (True, True, momentum)
    assert not any(module.training for module in standing.modules())


def test_parameters_dropout_and_spectral_vectors_stand_still():
    network = nn.Sequential(nn.Dropout(0.5), normalizations.batch_spectral().hidden(nn.Linear(3, 4)))
    before = state(network)
    standing = with_standing_statistics(network, batches())
    moved = {name for name, tensor in state(standing).items() if not torch.equal(before[name], tensor)}
    assert {name.rpartition(".")[2] for name in moved} == {"running_mean", "running_var", "num_batches_tracked"}
    again = with_standing_statistics(network, [(torch.ones(6, 3),)])
    # A dropped input would give the batch a variance.
    assert again[1].norm.running_var.max().item() == pytest.approx(0, abs=1e-10)


def test_which_networks_have_statistics():
    assert len(batch_norms(nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm2d(3), nn.Linear(3, 3)))) == 2
    assert not batch_norms(nn.Sequential(nn.GroupNorm(1, 3), nn.LayerNorm(3), nn.InstanceNorm2d(3, affine=True)))
