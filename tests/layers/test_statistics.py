"""frozen_statistics: nothing moves inside, all is as before outside."""

import copy
import timeit

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.statistics import frozen_statistics
from ganexp.networks import dcgan
from support.tiny import same


def network(name):
    return dcgan.Discriminator(3, 16, getattr(normalizations, name)(), width=4)


def buffers(module):
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def flags(module):
    return [(m.training, getattr(m, "track_running_stats", None)) for m in module.modules()]


@pytest.mark.parametrize("name", ["batch", "spectral", "batch_spectral"])
def test_no_buffer_moves_inside_and_all_move_outside(name):
    module = network(name)
    before = buffers(module)
    with frozen_statistics(module):
        module(torch.randn(4, 3, 16, 16)).sum().backward()
    assert before
    assert same(before, buffers(module))
    assert all(parameter.grad is not None for parameter in module.parameters())
    module(torch.randn(4, 3, 16, 16))
    after = buffers(module)
    # The last layer's matrix has one row: its vectors are exact from the start and have nowhere to go.
    assert not any(torch.equal(before[key], after[key]) for key in before if not key.startswith("layers.4."))


def test_output_and_gradient_are_those_of_ordinary_training_with_batch_norm():
    frozen = network("batch")
    ordinary = copy.deepcopy(frozen)
    images = 2 + torch.randn(4, 3, 16, 16)
    with frozen_statistics(frozen):
        inside = frozen(images)
    outside = ordinary(images)
    assert torch.equal(inside, outside)
    inside.sum().backward()
    outside.sum().backward()
    for one, other in zip(frozen.parameters(), ordinary.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_output_is_that_of_the_present_vectors_with_spectral_norm():
    module = network("spectral")
    images = torch.randn(4, 3, 16, 16)
    with frozen_statistics(module):
        inside = module(images)
    assert torch.equal(inside, module.eval()(images))


def test_flags_come_back_after_an_exception():
    module = network("batch_spectral")
    before = flags(module)
    with pytest.raises(RuntimeError, match="channels"), frozen_statistics(module):
        module(torch.randn(4, 5, 16, 16))
    assert flags(module) == before


def test_evaluation_mode_is_left_alone():
    module = network("batch_spectral").eval()
    images, before, state = torch.randn(4, 3, 16, 16), flags(module), buffers(module)
    expected = module(images)
    with frozen_statistics(module):
        assert torch.equal(module(images), expected)
    assert flags(module) == before
    assert same(state, buffers(module))


def test_nesting_and_repetition_are_harmless():
    one, other = network("batch_spectral"), network("batch")
    before = flags(one), flags(other)
    with frozen_statistics(one, other, one):
        with frozen_statistics(one):
            pass
        state = buffers(one)
        one(torch.randn(4, 3, 16, 16))
        assert same(state, buffers(one))
    assert (flags(one), flags(other)) == before


def test_instance_norm_with_running_statistics_stands_still_too():
    module = nn.InstanceNorm2d(3, track_running_stats=True)
    before, images = buffers(module), 2 + torch.randn(4, 3, 8, 8)
    with frozen_statistics(module):
        inside = module(images)
    assert same(before, buffers(module))
    assert torch.equal(inside, module(images))
    assert not same(before, buffers(module))


def test_statistics_of_networks_that_are_not_named_move():
    named, other = network("batch"), network("batch")
    before = buffers(other)
    with frozen_statistics(named):
        other(torch.randn(4, 3, 16, 16))
    assert not same(before, buffers(other))


def test_costs_little_beside_a_turn():
    generator = dcgan.Generator(100, 3, 64, normalizations.batch(), width=8)

    def freeze():
        with frozen_statistics(generator):
            pass

    # About 15 microseconds; the bound leaves room for a busy machine.
    assert min(timeit.repeat(freeze, number=500, repeat=5)) / 500 < 200e-6
