"""Image-to-image data: what belongs together stays together, and everything is a function of seed and number."""

import logging
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data import sources
from ganexp.data.order import GlobalBatches, NumberedBatches
from ganexp.data.pictures import ArrayPictures, Domains
from ganexp.data.sources import halves
from ganexp.data.translation.augmentation import CropAndFlip, center_crop
from ganexp.data.translation.degradations import Gray, Mosaic
from ganexp.data.translation.module import PairedData, UnpairedData
from ganexp.errors import UserError
from support.loading import Watcher, rank_on, watched

SETTINGS = {"name": "test", "image_size": 8, "channels": 3, "batch_size": 4, "seed": 0, "flip": False}


def numbered(number, size=8, first=0):
    """Pictures that tell their number by their red channel, and each pixel's place by the others."""
    images = np.zeros((number, size, size, 3), dtype=np.uint8)
    images[..., 0] = np.arange(first, first + number)[:, None, None]
    images[..., 1] = np.arange(size) * 10
    images[..., 2] = np.arange(size)[:, None] * 10
    return ArrayPictures(images, np.zeros(number), [])


def source(split, size=8):
    return numbered(20, size) if split == "train" else numbered(9, size, first=100)


def domains(split):
    return Domains(numbered(20), numbered(15, first=50)) if split == "train" else Domains(numbered(5), numbered(7))


def ready(module):
    module.prepare_data()
    module.setup("fit")
    return module


def paired(**settings):
    return ready(PairedData(source, **{**SETTINGS, "degradation": Mosaic(4), **settings}))


def unpaired(source=domains, **settings):
    return ready(UnpairedData(source, **{**SETTINGS, **settings}))


def batches(module, number):
    return list(islice(module.train_dataloader(), number))


def same(some, others):
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert one.keys() == other.keys() == {"input", "image"}
        assert all(torch.equal(one[key], other[key]) for key in one)


MODULES = {"paired": paired, "unpaired": unpaired}


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("settings", [{}, {"flip": True}, {"flip": True, "image_size": 6, "load_size": 8}])
def test_batches_are_the_same_from_memory_and_from_disk_and_for_the_same_seed(make, settings):
    held = batches(make(**settings, in_memory=True), 12)
    for batch in held:
        for side in batch.values():
            assert (side.dtype, side.shape) == (torch.uint8, (4, 3, *[settings.get("image_size", 8)] * 2))
    same(held, batches(make(**settings, in_memory=True), 12))
    same(held, batches(make(**settings, in_memory=False, workers=0), 12))
    same(held, batches(make(**settings, in_memory=False, workers=2), 12))
    assert not torch.equal(held[0]["image"], batches(make(**settings, seed=1), 1)[0]["image"])


@pytest.mark.parametrize("settings", [{}, {"flip": True}, {"flip": True, "image_size": 6, "load_size": 8}])
def test_an_input_is_its_image_degraded_after_the_same_cut_and_flip(settings):
    for batch in batches(paired(**settings), 8):
        assert torch.equal(batch["input"], Mosaic(4)(batch["image"]))


@pytest.fixture
def pairs_folder(tmp_path):
    """Side by side: A is a picture, B its negative."""
    for split, first, number in (("train", 0, 12), ("test", 100, 5)):
        (tmp_path / split).mkdir()
        for index in range(number):
            a = numbered(1, 10, first + index).images[0]
            Image.fromarray(np.concatenate([a, 255 - a], axis=1)).save(tmp_path / split / f"{index:02d}.png")
    return tmp_path


def test_given_pairs_are_cut_and_mirrored_alike(pairs_folder):
    from_folder = partial(sources.paired_folder, root=str(pairs_folder))
    module = ready(PairedData(from_folder, **{**SETTINGS, "flip": True, "load_size": 10}))
    seen = batches(module, 60)
    for batch in seen:
        assert torch.equal(batch["input"], 255 - batch["image"])
    places = {(int(image[1, 0, 0]), int(image[2, 0, 0])) for batch in seen for image in batch["input"]}
    # The place and the direction of the cut's first pixel: 3 x 3 crops, mirrored or not.
    assert len(places) == 18
    turned = partial(sources.paired_folder, root=str(pairs_folder), direction="b2a")
    other = batches(ready(PairedData(turned, **{**SETTINGS, "flip": True, "load_size": 10})), 60)
    for batch, reverse in zip(seen, other, strict=True):
        assert torch.equal(batch["input"], reverse["image"])
        assert torch.equal(batch["image"], reverse["input"])


def test_unpaired_sides_are_drawn_and_cut_apart():
    module = unpaired(flip=True, image_size=6, load_size=8)
    inputs, images = (torch.cat([batch[key] for batch in batches(module, 40)]) for key in ("input", "image"))
    assert set(inputs[:, 0, 0, 0].tolist()) == set(range(20))
    assert set(images[:, 0, 0, 0].tolist()) == set(range(50, 65))
    together = {
        (int(i[1, 0, 0]), int(i[2, 0, 0]), int(j[1, 0, 0]), int(j[2, 0, 0]))
        for i, j in zip(inputs, images, strict=True)
    }
    assert len(together) > 60
    met = {(int(i[0, 0, 0]), int(j[0, 0, 0])) for i, j in zip(inputs, images, strict=True)}
    assert len(met) > 60


def test_each_domain_has_an_epoch_of_its_own():
    inputs, images = (
        torch.cat([batch[key][:, 0, 0, 0] for batch in batches(unpaired(batch_size=5), 12)]).tolist()
        for key in ("input", "image")
    )
    for epoch in range(3):
        assert sorted(inputs[20 * epoch : 20 * (epoch + 1)]) == list(range(20))
        assert sorted(images[15 * epoch : 15 * (epoch + 1)]) == list(range(50, 65))


def test_crops_and_flips_are_uniform_and_depend_on_the_position_alone():
    whole = torch.from_numpy(numbered(1, 6).images).permute(0, 3, 1, 2).expand(3000, -1, -1, -1)
    cut = CropAndFlip(4, True, seed=3)(whole, range(3000), "augmentation")
    mirrored = cut[:, 1, 0, 0] > cut[:, 1, 0, -1]
    left, top = cut[:, 1].amin((1, 2)) // 10, cut[:, 2].amin((1, 2)) // 10
    counts = torch.zeros(2, 3, 3)
    for index in range(3000):
        counts[int(mirrored[index]), int(top[index]), int(left[index])] += 1
    # Chi-square with 17 degrees of freedom: 40.8 is exceeded once in a thousand.
    assert ((counts - 3000 / 18).square() / (3000 / 18)).sum() < 40.8
    alone = CropAndFlip(4, True, seed=3)(whole[:1], [1234], "augmentation")
    assert torch.equal(alone[0], cut[1234])
    assert not torch.equal(CropAndFlip(4, True, seed=3)(whole, range(3000), "other"), cut)
    assert not torch.equal(CropAndFlip(4, True, seed=4)(whole, range(3000), "augmentation"), cut)
    unflipped = CropAndFlip(4, False, seed=3)(whole, range(3000), "augmentation")
    assert torch.equal(unflipped[:, 1].amin((1, 2)) // 10, left)
    assert torch.equal(CropAndFlip(6, False, seed=3)(whole, range(3000), "augmentation"), whole)


def trained(module, number, rank=0, world_size=1, images=36):
    """Batches of one rank of a trainer with a budget of images."""
    module.trainer = rank_on(images=images, rank=rank, world_size=world_size)
    return batches(module, number)


CROPPED = {"image_size": 6, "load_size": 8}
STORAGES = [{"in_memory": True}, {"in_memory": False, "workers": 0}, {"in_memory": False, "workers": 2}]


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("storage", STORAGES, ids=["memory", "disk", "workers"])
@pytest.mark.parametrize("flip", [False, True], ids=["as stored", "flips"])
def test_random_crops_end_at_their_share_of_the_budget_and_pictures_are_whole_from_then_on(make, storage, flip):
    settings = {"image_size": 6, "flip": flip, "degradation": Mosaic(2)}
    crops, whole = (batches(make(**settings, load_size=size), 9) for size in (8, None))
    seen = trained(make(**settings, load_size=8, jitter_until=0.5, **storage), 9)
    # The 18th image is in the middle of the fifth batch.
    middle = {key: torch.cat([crops[4][key][:2], whole[4][key][2:]]) for key in whole[4]}
    same(seen, [*crops[:4], middle, *whole[5:]])
    assert not any(torch.equal(*(batch[number]["image"] for batch in (crops, whole))) for number in range(9))


def test_whole_pictures_are_resized_alone_or_resized_and_mirrored():
    pictures = numbered(20, 8)
    module = unpaired(lambda split: Domains(pictures, pictures), image_size=6, load_size=8, flip=True, jitter_until=0)
    resized = torch.stack([module.decoder(pictures[index][0]) for index in range(20)])
    ways = {"as stored": resized, "mirrored": resized.flip(-1)}
    met = set()
    for batch in trained(module, 20):
        for image in (*batch["input"], *batch["image"]):
            (way,) = [name for name, images in ways.items() if (images == image).flatten(1).all(1).any()]
            met.add(way)
    assert met == set(ways)


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
def test_ranks_end_random_crops_at_the_same_image(make):
    settings = {**CROPPED, "flip": True, "jitter_until": 0.5}
    # 19 images: the second rank of the fifth batch has one of each kind.
    ranks = [trained(make(**settings), 9, rank, world_size=2, images=38) for rank in (0, 1)]
    together = [{key: torch.cat([one[key], two[key]]) for key in one} for one, two in zip(*ranks, strict=True)]
    same(together, trained(make(**settings), 9, images=38))


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
def test_random_crops_for_the_whole_budget_are_those_without_an_end(make):
    same(trained(make(**CROPPED, jitter_until=1), 9), batches(make(**CROPPED), 9))
    same(trained(make(jitter_until=0.5), 9), batches(make(), 9))


def test_a_share_of_the_budget_needs_a_budget():
    with pytest.raises(RuntimeError, match="needs a trainer"):
        unpaired(**CROPPED, jitter_until=0.5).train_dataloader()


def test_positions_continue_over_resumes_and_ranks():
    def orders(start, rank=0, world=1):
        made = [
            GlobalBatches(size, 4, 0, lambda: start, rank, world, purpose) for size, purpose in ((20, "a"), (9, "b"))
        ]
        return NumberedBatches(*made)

    whole = list(islice(orders(0), 9))
    assert [item[0] for batch in whole for item in batch] == list(range(36))
    assert list(islice(orders(4), 5)) == whole[4:]
    halves_of = [list(islice(orders(0, rank, 2), 9)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*halves_of, strict=True)] == whole


class Validating(Watcher):
    """Keeps the batches that it is to validate too."""

    def __init__(self, *args):
        super().__init__(*args)
        self.validated = []

    def validation_step(self, batch, batch_idx):
        self.validated.append(batch)


def fitted(make, batches, batches_seen=0, **settings):
    watcher = Validating(batches_seen, 36)
    data = make(flip=True, image_size=6, load_size=8, **settings)
    watched(watcher, data, batches, limit_val_batches=1.0)
    return watcher


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("settings", [{}, {"jitter_until": 0.5}], ids=["crops", "crops at first"])
def test_a_trainer_goes_on_where_a_run_was_stopped_and_validates_every_test_image(make, settings):
    whole = fitted(make, 9, **settings)
    for stop in (2, 4, 6):
        same(whole.given[stop:], fitted(make, 9 - stop, batches_seen=stop, **settings).given)
    assert all(batch["image"].dtype == torch.float32 and batch["image"].abs().max() <= 1 for batch in whole.given)
    numbers = torch.cat([batch["number"] for batch in whole.validated])
    assert numbers.tolist() == list(range(9 if make is paired else 5))
    assert all(batch["input"].shape == batch["image"].shape for batch in whole.validated)


def test_ranks_share_the_test_split():
    module = paired(image_size=8)
    shares = []
    for rank in range(2):
        module.trainer = type("Trainer", (), {"global_rank": rank, "world_size": 2})()
        shares += [batch["number"] for batch in module.val_dataloader()]
    assert sorted(torch.cat(shares).tolist()) == list(range(9))


def test_the_test_split_is_whole_and_the_same_for_every_seed():
    modules = [paired(seed=seed, flip=True, image_size=6, load_size=8) for seed in (0, 1)]
    first, second = (module.examples(20) for module in modules)
    assert first["input"].shape == (9, 3, 6, 6)
    assert first["number"].tolist() == list(range(9))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert sorted(first["image"][:, 0, 0, 0].add(1).mul(127.5).round().tolist()) == list(range(100, 109))
    assert modules[0].test_pairs.aligned
    assert len(paired(test_images=4).test_pairs) == 4
    assert len(paired(test_images=None).test_pairs) == 9


def test_sides_alone_are_data_sets_of_images_with_checksums_of_their_own():
    module = paired()
    pairs = module.test_pairs
    every = pairs.__getitems__(range(9))
    assert torch.equal(pairs.targets.__getitems__(range(9))["image"], every["image"])
    assert torch.equal(pairs.inputs.__getitems__(range(9))["image"], every["input"])
    assert torch.equal(pairs.inputs[3]["image"], pairs[3]["input"])
    assert len(module.dataset) == module.num_images == 20
    assert module.images_per_epoch == 20
    others = [paired(degradation=Gray()).test_pairs, paired(test_images=8).test_pairs]
    sums = [side.checksum() for each in (pairs, *others) for side in (each.inputs, each.targets)]
    assert sums[1] == sums[3]
    assert len(set(sums)) == 5
    assert sums[:2] == [pairs.inputs.checksum(), pairs.targets.checksum()]


def test_whole_domains_are_there_to_compare_with():
    module = unpaired()
    assert (len(module.test_pairs), len(module.test_pairs.inputs), len(module.test_pairs.targets)) == (5, 5, 7)
    assert not module.test_pairs.aligned
    assert (len(module.dataset), module.num_images) == (15, 20)


def test_no_subject_is_in_both_halves_and_each_is_in_one():
    module = unpaired(partial(source), domains=halves, degradation=Gray())
    sides = module.pairs
    inputs, targets = ({int(store[i]["image"][0, 0, 0]) for i in range(len(store))} for store in sides.stores)
    assert not inputs & targets
    assert inputs | targets == set(range(20))
    # Pictures often lie class by class, and the halves must not be different classes.
    assert max(inputs) > 10 > min(inputs)
    seen = batches(module, 20)
    assert {int(image[0, 0, 0]) for batch in seen for image in batch["image"]} <= targets
    assert all(torch.equal(batch["input"], Gray()(batch["input"])) for batch in seen)


def test_the_test_split_of_halves_is_aligned():
    module = unpaired(source, domains=halves, degradation=Mosaic(2))
    batch = module.test_pairs.__getitems__(range(9))
    assert module.test_pairs.aligned
    assert torch.equal(batch["input"], Mosaic(2)(batch["image"]))


def test_one_line_a_set_tells_what_was_loaded(caplog):
    with caplog.at_level(logging.INFO):
        paired(flip=True, image_size=6, load_size=8)
    assert [record.getMessage() for record in caplog.records] == [
        "data: test, 20 pairs decoded into memory (0.0 MB), not resized",
        "data: test, 9 pairs decoded into memory (0.0 MB), resize bicubic 8x8 -> 6x6",
        "data: test, 20 pairs of 3x6x6 for training (random crops from 8x8, half of them mirrored), 9 for testing",
    ]


@pytest.mark.parametrize(("load_size", "warnings"), [(None, 0), (9, 0), (12, 0), (13, 1)])
def test_crops_much_smaller_than_the_enlarged_pictures_are_reported(load_size, warnings, caplog):
    paired(load_size=load_size)
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == warnings
    assert all("usual is data.load_size=9" in record.getMessage() for record in warned)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"load_size": "abc"}, r"data\.load_size=abc: give a whole number"),
        ({"load_size": 8.5}, r"data\.load_size=8\.5: give a whole number"),
        ({"load_size": 7}, r"data\.load_size=7 is smaller than the crops of data\.image_size=8"),
        ({"jitter_until": -0.1}, r"data\.jitter_until=-0\.1: give the share of training with random crops"),
        ({"jitter_until": 1.5}, r"data\.jitter_until=1\.5"),
        ({"jitter_until": float("nan")}, r"data\.jitter_until=nan"),
        ({"test_images": 0}, r"data\.test_images=0"),
        ({"direction": "b2c"}, r"data\.direction=b2c: choose one of a2b, b2a"),
        ({"num_classes": 3}, r"data\.num_classes=3: image-to-image data has no labels"),
        ({"channels": 1, "degradation": Gray()}, "no colour to lose"),
        ({"image_size": 0}, r"data\.image_size=0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        PairedData(source, **{**SETTINGS, **settings})


def test_a_batch_larger_than_the_smaller_domain_is_refused():
    with pytest.raises(UserError, match=r"data\.batch_size=16 is more than the 15 images"):
        unpaired(batch_size=16).train_dataloader()


def test_center_crop():
    whole = torch.arange(25).view(1, 1, 5, 5)
    assert center_crop(whole, 3).flatten().tolist() == [6, 7, 8, 11, 12, 13, 16, 17, 18]
    assert torch.equal(center_crop(whole, 5), whole)
