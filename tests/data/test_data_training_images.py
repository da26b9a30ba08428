"""Flips and dequantization: functions of seed and position, the same by every way to the model."""

from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch

from ganexp.data.images import ImageData
from ganexp.data.pictures import ArrayPictures
from ganexp.data.training_images import LEVELS, TrainingImages
from ganexp.data.values import to_signed_unit
from ganexp.numerics.counters import random_bits, sixteen_bit_numbers
from support.loading import rank_on
from support.stand_in_device import DEVICE, stand_in_device
from support.tiny import fit, make_gan, same, state

SETTINGS = {"name": "test", "image_size": 8, "channels": 3, "num_classes": 2, "batch_size": 4, "seed": 0}
OPTIONS = [{"flip": True}, {"dequantize": True}, {"flip": True, "dequantize": True}]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=["flip", "dequantize", "both"])
CPU = torch.device("cpu")


def pictures(channels):
    rng = np.random.default_rng(0)
    shape = (19, 8, 8) if channels == 1 else (19, 8, 8, 3)
    return ArrayPictures(rng.integers(0, 256, shape, dtype=np.uint8), rng.integers(0, 2, 19), ("a", "b"))


def data(**settings):
    settings = {**SETTINGS, **settings}
    module = ImageData(partial(pictures, settings["channels"]), **settings)
    module.prepare_data()
    module.setup("fit")
    return module


def batches(module, count, start=0, rank=0, world_size=1, device=CPU):
    """Return what reaches the model of one rank."""
    module.trainer = rank_on(device, start, rank=rank, world_size=world_size)
    moved = (
        {name: value.to(device) for name, value in batch.items()} for batch in islice(module.train_dataloader(), count)
    )
    return [module.on_after_batch_transfer(batch, 0) for batch in moved]


def images(*args, **kwargs):
    return torch.cat([batch["image"].cpu() for batch in batches(*args, **kwargs)])


def test_the_bits_are_those_of_splitmix64():
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [bits % 2**64 for bits in random_bits(1234567, torch.arange(4)).tolist()] == expected


def test_the_numbers_are_uniform_and_independent():
    drawn = sixteen_bit_numbers(7, torch.arange(2_000), 50).double() / LEVELS
    assert drawn.shape == (2_000, 50)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.005)
    assert drawn.var().item() == pytest.approx(1 / 12, rel=0.02)
    for one, other in [(drawn[:-1], drawn[1:]), (drawn[:, :-1], drawn[:, 1:]), (drawn[:, :-4], drawn[:, 4:])]:
        assert torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1].abs() < 0.02
    assert not torch.equal(drawn, sixteen_bit_numbers(8, torch.arange(2_000), 50).double() / LEVELS)


def test_half_of_the_images_are_mirrored_and_nothing_else_happens():
    stored = torch.randint(0, 256, (4_000, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    changed = TrainingImages(0, flip=True, dequantize=False)(stored, torch.arange(4_000))
    mirrored = (changed == to_signed_unit(stored.flip(-1))).flatten(1).all(1)
    untouched = (changed == to_signed_unit(stored)).flatten(1).all(1)
    assert (mirrored ^ untouched).all()
    # Five standard deviations of a binomial distribution.
    assert abs(int(mirrored.sum()) - 2_000) < 5 * 1_000**0.5
    # A sample is not mirrored the same way each time it comes.
    later = TrainingImages(0, flip=True, dequantize=False)(stored, torch.arange(4_000, 8_000))
    assert 0.4 < (later == changed).flatten(1).all(1).double().mean() < 0.6


def test_dequantized_pixels_keep_their_grey_level_and_fill_it_evenly():
    stored = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(500, 3, 16, 16)
    changed = TrainingImages(0, flip=False, dequantize=True)(stored, torch.arange(500))
    assert changed.dtype == torch.float32
    assert changed.min() >= -1
    assert changed.max() < 1
    levels = (changed.double() + 1) * 128
    assert torch.equal(levels.floor(), stored.double())
    within = (levels - levels.floor()).flatten()
    assert torch.histc(within, 8, 0, 1).div(len(within)).sub(1 / 8).abs().max() < 0.002


@every_option
def test_neither_by_default_and_one_at_a_time(options):
    plain, changed = images(data(), 8), images(data(**options), 8)
    assert not torch.equal(plain, changed)
    assert "position" not in next(iter(data().train_dataloader()))
    assert batches(data(**options), 1)[0].keys() == {"image", "label"}


@every_option
@pytest.mark.parametrize("way", [{"in_memory": False, "workers": 0}, {"in_memory": False, "workers": 2}])
def test_disk_and_workers_give_the_batches_of_memory(options, way):
    for one, other in zip(batches(data(**options), 12), batches(data(**way, **options), 12), strict=True):
        assert same(one, other)


@every_option
def test_a_device_gives_the_batches_of_the_host(options, monkeypatch):
    expected = batches(data(**options), 12, start=3)
    monkeypatch.setattr("ganexp.data.placement.free_memory", lambda device: 2**30)
    with stand_in_device():
        module = data(**options, in_memory=True)
        made = batches(module, 12, start=3, device=DEVICE)
        assert module.device_bytes > 0
        for one, other in zip(expected, made, strict=True):
            assert other["image"].device.type == DEVICE.type
            assert same(one, {name: value.cpu() for name, value in other.items()})


@every_option
def test_two_ranks_share_the_batches_of_one_and_a_resumed_run_goes_on(options):
    module = data(**options)
    whole = images(module, 12).view(12, 4, 3, 8, 8)
    halves = [images(module, 12, rank=rank, world_size=2).view(12, 2, 3, 8, 8) for rank in range(2)]
    assert torch.equal(torch.cat(halves, 1), whole)
    assert torch.equal(images(module, 5, start=7).view(5, 4, 3, 8, 8), whole[7:])


def test_another_seed_mirrors_other_images():
    stored, positions = torch.rand(64, 1, 2, 2).mul(255).byte(), torch.arange(64)
    one, other = (TrainingImages(seed, flip=True, dequantize=True)(stored, positions) for seed in (0, 1))
    assert not torch.equal(one, other)


def test_images_for_scores_are_neither_mirrored_nor_dequantized():
    plain, changed = data(), data(flip=True, dequantize=True)
    assert torch.equal(plain.dataset.images, changed.dataset.images)
    assert plain.dataset.checksum() == changed.dataset.checksum()
    assert (plain.training_images, changed.training_images) == (
        "as stored",
        "mirrored with probability 0.5 and dequantized",
    )


@every_option
def test_training_sees_them(options):
    def trained(**options):
        module = make_gan()
        fit(module, 4, data=data(channels=1, num_classes=None, batch_size=8, **options))
        return state(module)

    assert same(trained(**options), trained(**options))
    assert not same(trained(**options), trained())
