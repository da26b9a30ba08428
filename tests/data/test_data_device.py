"""Training data on the device: the batches of the host, bit for bit, made there without copies."""

import logging
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from ganexp.data.disk import OnDisk
from ganexp.data.files.folders import class_folders
from ganexp.data.gaussians import GaussianData, ring
from ganexp.data.images import ImageData
from ganexp.data.memory import InMemory
from ganexp.data.pictures import ArrayPictures, Domains
from ganexp.data.placement import bytes_of, reason_for_host
from ganexp.data.sources import digits
from ganexp.data.translation.items import Pair
from ganexp.data.translation.module import PairedData, UnpairedData
from ganexp.distributed.gpu_memory import free_memory
from ganexp.errors import UserError
from support.loading import CPU, Watcher, rank_on, watched
from support.stand_in_device import DEVICE, TRANSFERS, OnDevice, stand_in_device, strategy
from support.tiny import fit, make_gan, same, state

CONF = Path(__file__).parents[2] / "conf"
PLENTY = 2**30
SETTINGS = {"name": "test", "image_size": 8, "channels": 3, "batch_size": 4, "seed": 0}
BUDGET = 38
CROPS = [
    {},
    {"flip": False},
    {"image_size": 6, "load_size": 8},
    {"image_size": 6, "load_size": 8, "flip": False},
    # The last crop is of position 18, the first of the second rank in its batch.
    {"image_size": 6, "load_size": 8, "jitter_until": 0.5},
    {"image_size": 6, "load_size": 8, "jitter_until": 0.5, "flip": False},
    {"image_size": [6, 4], "load_size": [8, 6], "jitter_until": 0.5},
]


def noise(number, classes=(), seed=0, size=8):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (number, size, size, 3), dtype=np.uint8)
    return ArrayPictures(images, rng.integers(0, max(1, len(classes)), number), classes)


class Sides:
    """Pairs of pictures."""

    classes = ()

    def __init__(self, number):
        self.sides = noise(number), noise(number, seed=1)

    def __len__(self):
        return len(self.sides[0])

    def __getitem__(self, index):
        return Pair(*(side[index][0] for side in self.sides)), 0


def domains(split):
    return Domains(noise(19), noise(15, seed=1))


def same_domain(split):
    pictures = noise(19)
    return Domains(pictures, pictures)


def labelled(**settings):
    return ImageData(partial(noise, 19, ("a", "b")), **{**SETTINGS, "num_classes": 2, **settings})


def unlabelled(**settings):
    return ImageData(partial(noise, 19), **{**SETTINGS, "num_classes": None, **settings})


def points(**settings):
    own = {"batch_size": 4, "seed": 0, "num_classes": 8, "points": 19, **settings}
    return GaussianData(ring(), "points", **own)


def paired(**settings):
    return PairedData(lambda split: Sides(19), **{**SETTINGS, **settings})


def unpaired(**settings):
    return UnpairedData(domains, **{**SETTINGS, **settings})


MODULES = {
    **{make.__name__: make for make in (labelled, unlabelled, points)},
    "mirrored": partial(labelled, flip=True),
    "dequantized": partial(unlabelled, dequantize=True),
    **{f"paired-{number}": partial(paired, **crop) for number, crop in enumerate(CROPS)},
    **{f"unpaired-{number}": partial(unpaired, **crop) for number, crop in enumerate(CROPS)},
    "both sides of one domain": lambda **settings: UnpairedData(same_domain, **{**SETTINGS, **settings}),
}
every_module = pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)


@pytest.fixture
def free(monkeypatch):
    """Sets the memory that every device reports as free, in bytes."""
    return lambda count: monkeypatch.setattr("ganexp.data.placement.free_memory", lambda device: count)


@pytest.fixture(params=["cpu", "stand-in"])
def device(request, free):
    """A device whose memory is reported, on which data are kept."""
    free(PLENTY)
    if request.param == "cpu":
        yield CPU
    else:
        with stand_in_device() as device:
            yield device


def ready(module):
    module.prepare_data()
    module.setup("fit")
    return module


def loader_on(device, module, **place):
    module.trainer = rank_on(device, images=BUDGET, **place)
    return ready(module).train_dataloader()


def first(number, loader):
    return list(islice(loader, number))


def from_host(make, number):
    return first(number, loader_on(CPU, make(device_memory_share=0)))


def require_same(batches, expected, device):
    assert len(batches) == len(expected)
    for batch, other in zip(batches, expected, strict=True):
        assert list(batch) == list(other)
        for key, value in batch.items():
            assert value.device == device
            assert (value.dtype, value.stride()) == (other[key].dtype, other[key].stride())
            assert torch.equal(value.cpu(), other[key])


@every_module
@pytest.mark.thinned(2)
def test_batches_are_the_hosts_over_epochs(make, device):
    # 19 images make 4 batches of 4, and each epoch leaves 3 others out.
    loader = loader_on(device, make())
    assert (loader.num_workers, loader.pin_memory) == (0, False)
    expected = from_host(make, 11)
    for _ in range(2):  # the second time after breaking off
        require_same(first(11, loader), expected, device)


@every_module
@pytest.mark.thinned(2)
def test_a_resumed_run_goes_on_in_the_middle_of_an_epoch(make, device):
    for seen in (1, 4, 6):
        batches = first(5, loader_on(device, make(), batches_seen=seen))
        require_same(batches, from_host(make, seen + 5)[seen:], device)


@every_module
def test_two_ranks_share_each_batch(make, device):
    ranks = [first(6, loader_on(device, make(), batches_seen=3, rank=rank, world_size=2)) for rank in (0, 1)]
    together = [{key: torch.cat([one[key], two[key]]) for key in one} for one, two in zip(*ranks, strict=True)]
    require_same(together, from_host(make, 9)[3:], device)


@pytest.fixture
def folder(tmp_path):
    """Images of two classes, pairs and two domains, in one folder each."""
    for name, pictures in {"cat": noise(5), "dog": noise(4, seed=1)}.items():
        for split in ("classes", "trainA", "trainB", "testA", "testB"):
            where = tmp_path / split / name if split == "classes" else tmp_path / "domains" / split
            where.mkdir(parents=True, exist_ok=True)
            for number in range(len(pictures)):
                pictures[number][0].save(where / f"{name}{number}.png")
    for split in ("train", "test"):
        (tmp_path / "pairs" / split).mkdir(parents=True)
        for number in range(5):
            wide = Image.fromarray(np.concatenate([noise(5).images[number], noise(5, seed=1).images[number]], axis=1))
            wide.save(tmp_path / "pairs" / split / f"{number}.png")
    return tmp_path


FOLDERS = {
    "image_folder": "classes",
    "ffhq64": "classes",
    "ffhq256": "classes",
    "afhq_cat": "classes",
    "paired_folder": "pairs",
    "unpaired_folder": "domains",
}
FEW = {"puppets": ["data.source.people=8", "data.image_size=16"]}
MADE_OF_PICTURES = ("mosaic", "mosaic_unpaired")
CLIPS = ("head_clips",)
"""Clips of people with landmarks, which tests/data/test_head_clips.py makes."""
OFFLINE = [
    path.stem
    for path in sorted((CONF / "data").glob("*.yaml"))
    if not {"download: true", "path: ???"} & set(map(str.strip, path.read_text().splitlines()))
    and path.stem not in MADE_OF_PICTURES + CLIPS
]


def composed(name, folder, *overrides):
    OmegaConf.register_new_resolver("class_folders", class_folders, replace=True)
    primary = "defaults:\n  - metric: none\n  - data: digits\n  - _self_\nseed: 3\ndata_root: unused\n"
    (folder / "primary.yaml").write_text(f"hydra:\n  searchpath: ['file://{CONF}']\n{primary}")
    root = [f"data.root={folder / FOLDERS[name]}", "data.batch_size=2"] if name in FOLDERS else []
    with initialize_config_dir(str(folder), version_base="1.3"):
        return compose("primary", [f"data={name}", *root, *overrides]).data


def test_data_sets_without_a_download_are_there():
    assert {"digits", "gaussians", *FOLDERS} <= set(OFFLINE)


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.thinned(3)
def test_data_of_the_configuration_are_kept_on_the_device(name, device, folder):
    config = composed(name, folder, *FEW.get(name, []))
    make = partial(instantiate, config, _convert_="all")
    require_same(first(5, loader_on(device, make())), from_host(make, 5), device)


@pytest.mark.parametrize("name", MADE_OF_PICTURES)
def test_degraded_images_come_from_the_host(name, free, folder, caplog):
    free(PLENTY)
    config = composed(name, folder, "data/source=digits", "data.degradation.block=2", "data.batch_size=16")
    make = partial(instantiate, config, _convert_="all")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        batches = first(3, loader_on(DEVICE, make()))
    require_same(batches, from_host(make, 3), CPU)
    said = "batches are copied from the host to meta: data.degradation is computed on the CPU"
    assert [record.getMessage().endswith(said) for record in caplog.records].count(True) == 1


class Transfers(TorchDispatchMode):
    """Counts what is copied from the processor to the stand-in device."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        self.count += func in TRANSFERS and isinstance(made, OnDevice) and not isinstance(args[0], OnDevice)
        return made


@pytest.mark.parametrize(
    ("make", "a_batch"),
    [(labelled, 0), (points, 0), (partial(paired, flip=False), 0), (paired, 1), (unpaired, 1)],
    ids=["labelled", "points", "whole pairs", "mirrored pairs", "mirrored domains"],
)
def test_within_an_epoch_a_batch_needs_no_copy_but_of_its_crops(make, a_batch, free):
    free(PLENTY)
    with stand_in_device() as device:
        batches = iter(loader_on(device, make(batch_size=5)))
        next(batches)
        with Transfers() as transfers:
            first(2, batches)
        assert transfers.count == 2 * a_batch


def test_images_wait_for_nothing_within_an_epoch(free):
    free(PLENTY)
    with stand_in_device() as device:
        batches = iter(loader_on(device, labelled()))
        next(batches)
        with stand_in_device(waits=False):
            first(3, batches)


def stores(labels=True):
    images = torch.zeros(10, 3, 4, 4, dtype=torch.uint8)
    return [InMemory(images, torch.zeros(10, dtype=torch.int64) if labels else None)]


def test_a_store_for_both_sides_takes_its_bytes_once():
    assert (bytes_of(stores()), bytes_of(stores(labels=False))) == (480 + 80, 480)
    (both,) = stores()
    assert bytes_of([both, both]) == 560
    assert bytes_of([both, *stores()]) == 2 * 560


@pytest.mark.parametrize(
    ("share", "available", "reason"),
    [
        (0.5, 1120, None),
        (0.5, 1119, "0.0 MB are more than data.device_memory_share=0.5 of its free 0.0 MB"),
        (1, 560, None),
        (1, 559, "0.0 MB are more than data.device_memory_share=1 of its free 0.0 MB"),
        (0, PLENTY, "data.device_memory_share=0"),
        (0.5, None, "its free memory is unknown"),
    ],
)
def test_data_are_copied_if_they_take_no_more_than_the_share(share, available, reason):
    assert reason_for_host(stores(), share, available) == reason


def test_data_on_disk_stay_there():
    on_disk = OnDisk(noise(3), labelled().decoder, False)
    assert reason_for_host([*stores(), on_disk], 1, PLENTY) == "the data are left on disk"


@pytest.mark.parametrize(
    ("settings", "available", "words"),
    [
        ({}, PLENTY, "0.0 MB are copied to meta once, and batches are indexed there"),
        ({"device_memory_share": 0}, PLENTY, "batches are copied from the host to meta: data.device_memory_share=0"),
        ({"in_memory": False, "workers": 0}, PLENTY, "from the host to meta: the data are left on disk"),
        ({}, 1000, "0.0 MB are more than data.device_memory_share=0.25 of its free 0.0 MB"),
        ({}, None, "batches are copied from the host to meta: its free memory is unknown"),
    ],
)
def test_one_line_says_where_the_data_are_and_why(settings, available, words, free, caplog):
    free(available)
    module = ready(labelled(**settings))
    module.trainer = rank_on(DEVICE)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        module.train_dataloader()
    (record,) = caplog.records
    assert record.getMessage().startswith("data: test, ")
    assert record.getMessage().endswith(words)
    assert module.device_bytes == (0 if "from the host" in words or "more than" in words else 19 * (192 + 8))


def test_on_the_cpu_nothing_changes(caplog):
    assert free_memory(CPU) is None
    module = ready(labelled())
    module.trainer = rank_on(CPU)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        loader = module.train_dataloader()
    assert loader.dataset is module.dataset
    assert (module.device_bytes, caplog.records) == (0, [])


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_none_and_all(share):
    for make in (labelled, points, paired, unpaired):
        with pytest.raises(UserError, match=r"data\.device_memory_share="):
            make(device_memory_share=share)


def fitted(data, batches, batches_seen=0):
    watcher = Watcher(batches_seen, BUDGET)
    return watched(watcher, data, batches, strategy=strategy(), accelerator="auto", devices="auto")


@pytest.mark.parametrize("make", [labelled, points, paired, unpaired, partial(unpaired, **CROPS[4])])
def test_a_trainer_gets_the_batches_of_the_host_scaled_and_frees_the_memory(make, free):
    free(PLENTY)
    with stand_in_device() as device:
        expected = [{k: v.cpu() for k, v in b.items()} for b in fitted(make(device_memory_share=0), 9)]
        data = make()
        require_same(fitted(data, 9), expected, device)
        assert all(batch["image"].dtype == torch.float32 for batch in expected)
        assert data.device_bytes > 0
        assert held(data) == 0
        require_same(fitted(data, 5, batches_seen=4), expected[4:], device)


def grey(**settings):
    return ImageData(digits, **{**SETTINGS, "channels": 1, "num_classes": None, "batch_size": 8, **settings})


def test_a_game_on_data_of_the_device_is_the_game_on_data_of_the_host(free):
    free(PLENTY)
    with stand_in_device():
        games = []
        for data in (grey(device_memory_share=0), grey()):
            games.append(make_gan())
            fit(games[-1], 5, data=data, strategy=strategy(), accelerator="auto")
        assert data.device_bytes > 0
        assert same(*(state(game.cpu()) for game in games))
        assert not same(state(games[0]), state(make_gan()))


class FailsAtOnce(Watcher):
    def training_step(self, batch, batch_idx):
        raise RuntimeError("full")


def test_an_error_frees_the_memory(free):
    free(PLENTY)
    data = labelled()
    with stand_in_device(), pytest.raises(RuntimeError, match="full"):
        watched(FailsAtOnce(), data, 4, strategy=strategy(), accelerator="auto", devices="auto")
    assert held(data) == 0


def held(data):
    """Return the number of tensors on devices."""
    copies = [copy for copies in data._placement._copies.values() for copy in copies]
    assert copies
    return sum(name in vars(copy) for copy in copies for name in ("images", "labels"))


@pytest.mark.gpu
@every_module
def test_a_gpus_batches_are_the_hosts(make):
    device = torch.device("cuda", 0)
    free = free_memory(device)
    assert 0 < free <= torch.cuda.get_device_properties(device).total_memory
    module = make()
    batches = first(11, loader_on(device, module, batches_seen=2))
    assert module.device_bytes > 0
    require_same(batches, from_host(make, 13)[2:], device)
