from itertools import chain, islice

import pytest
import torch

from ganexp.data.order import GlobalBatches
from ganexp.errors import UserError

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
st = hypothesis.strategies
given = hypothesis.given
settings = hypothesis.settings

sizes = st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size)))
seeds = st.integers(0, 2**31)


def batches(size, batch_size, seed, number, start=0, **kwargs):
    return list(islice(GlobalBatches(size, batch_size, seed, lambda: start, **kwargs), number))


@given(sizes, seeds)
@settings(max_examples=30, deadline=None)
def test_every_epoch_has_whole_batches_without_repeats(sizes, seed):
    size, batch_size = sizes
    per_epoch = size // batch_size
    seen = batches(size, batch_size, seed, 3 * per_epoch)
    for epoch in range(3):
        flat = list(chain.from_iterable(seen[epoch * per_epoch : (epoch + 1) * per_epoch]))
        assert len(set(flat)) == len(flat) == per_epoch * batch_size
        assert set(flat) <= set(range(size))


@given(sizes, seeds, st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_starting_at_k_is_skipping_k_batches(sizes, seed, k):
    size, batch_size = sizes
    assert batches(size, batch_size, seed, 5, start=k) == batches(size, batch_size, seed, k + 5)[k:]


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 30), seeds)
@settings(max_examples=30, deadline=None)
def test_the_ranks_parts_make_up_the_batch_of_one_rank(world_size, part, extra, seed):
    batch_size = world_size * part
    size = batch_size + extra
    ranks = [batches(size, batch_size, seed, 4, rank=r, world_size=world_size) for r in range(world_size)]
    joined = [list(chain.from_iterable(parts)) for parts in zip(*ranks, strict=True)]
    assert joined == batches(size, batch_size, seed, 4)


def test_epochs_and_seeds_differ():
    first, second = batches(50, 50, 0, 2)
    assert first != second
    assert first != batches(50, 50, 1, 1)[0]


def test_start_is_asked_at_each_iteration():
    position = [0]
    sampler = GlobalBatches(10, 2, 0, lambda: position[0])
    begin = list(islice(sampler, 4))
    position[0] = 3
    assert next(iter(sampler)) == begin[3]


def test_the_global_generator_is_untouched():
    before = torch.get_rng_state()
    batches(10, 2, 0, 8)
    assert torch.equal(before, torch.get_rng_state())


def test_endless_means_without_length():
    with pytest.raises(TypeError):
        len(GlobalBatches(10, 2, 0, lambda: 0))


@pytest.mark.parametrize(
    ("size", "batch_size", "world_size", "words"),
    [
        (10, 11, 1, "data.batch_size=11 is more than the 10 images .*data.batch_size=10"),
        (10, 0, 1, "data.batch_size=0"),
        (100, 7, 2, "divisible by 2.*data.batch_size=6"),
    ],
)
def test_impossible_batches_are_refused(size, batch_size, world_size, words):
    with pytest.raises(UserError, match=words):
        GlobalBatches(size, batch_size, 0, lambda: 0, world_size=world_size)
