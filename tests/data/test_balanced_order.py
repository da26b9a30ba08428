from itertools import chain, islice

import pytest
import torch

from ganexp.data.epoch_order import Balanced
from ganexp.data.images import ImageData
from ganexp.data.order import GlobalBatches
from ganexp.data.pictures import ArrayPictures
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator

LABELS = [0] * 20 + [1] * 3 + [4] * 7


def order(seed=0):
    return Balanced(LABELS)(generator(seed, "order", 0)).tolist()


def test_no_class_is_more_than_one_image_ahead_of_another():
    labels = torch.tensor(LABELS)[order()]
    for end in range(1, len(labels) + 1):
        counts = [int((labels[:end] == label).sum()) for label in (0, 1, 4)]
        assert max(counts) - min(counts) <= 1


def test_an_image_comes_again_only_after_all_others_of_its_class():
    drawn = order()
    assert len(drawn) == len(LABELS)
    for label in (0, 1, 4):
        members = [index for index in drawn if LABELS[index] == label]
        size = LABELS.count(label)
        for begin in range(0, len(members), size):
            part = members[begin : begin + size]
            assert len(set(part)) == len(part)


def test_the_order_is_a_function_of_the_seed():
    assert order(1) == order(1) != order(2)


def batches(start, number, rank=0, world_size=1):
    sampler = GlobalBatches(len(LABELS), 6, 0, lambda: start, rank, world_size, order=Balanced(LABELS))
    return list(islice(sampler, number))


def test_a_resumed_run_and_two_ranks_have_the_batches_of_one_uninterrupted_rank():
    whole = batches(0, 12)
    assert batches(7, 5) == whole[7:]
    ranks = zip(batches(0, 12, 0, 2), batches(0, 12, 1, 2), strict=True)
    assert [list(chain.from_iterable(parts)) for parts in ranks] == whole


@pytest.mark.parametrize("in_memory", [True, False])
def test_balanced_data_have_the_same_batches_in_memory_and_on_disk(in_memory):
    pixels = torch.arange(len(LABELS), dtype=torch.uint8)[:, None, None].expand(-1, 4, 4).numpy()
    pictures = ArrayPictures(pixels, LABELS, ["a", "b", "c", "d", "e"])
    data = ImageData(lambda: pictures, "toy", 4, 1, 5, 6, 0, in_memory=in_memory, workers=0, balance=True)
    data.setup()
    drawn = [batch["image"][:, 0, 0, 0].tolist() for batch in islice(data.train_dataloader(), 5)]
    assert drawn == batches(0, 5)
    assert data.training_images == "drawn from every class equally often"


def test_balance_without_labels_is_refused():
    with pytest.raises(UserError, match="the images have no labels"):
        ImageData(lambda: [], "toy", 4, 1, None, 6, 0, balance=True)
