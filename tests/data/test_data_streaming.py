"""Streams of parquet files: each row group read once, in an order that is a function of the seed."""

import os
import pickle
import subprocess
import sys
from itertools import chain, islice

import numpy as np
import pytest
import torch

from ganexp.data.images import ImageData
from ganexp.data.order import GlobalBatches
from ganexp.data.streaming import connection
from ganexp.data.streaming.connection import ConnectionLost, retried
from ganexp.data.streaming.window_order import WindowShuffled
from ganexp.errors import UserError
from support.hub_server import serving
from support.runs import NETWORKS

datasets = pytest.importorskip("datasets")
fsspec = pytest.importorskip("fsspec")
pytest.importorskip("pyarrow")
streams = pytest.importorskip("support.streams")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return streams.write_files(tmp_path_factory.mktemp("stream"))


def reds(batches):
    return [batch["image"][:, 0, 0, 0].tolist() for batch in batches]


def test_every_image_is_once_in_an_epoch_and_near_its_row_group():
    order = WindowShuffled([7, 100, 50, 100, 3], 20)
    one, same, other = (order(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.sort().values.tolist() == list(range(260))
    assert one.tolist() == same.tolist() != other.tolist()
    group = torch.repeat_interleave(torch.arange(5), torch.tensor([7, 100, 50, 100, 3]))[one]
    places = {number: (group == number).nonzero().flatten() for number in range(5)}
    # A group's images all come before those of the group that begins a window and more later.
    sequence = torch.randperm(5, generator=torch.Generator().manual_seed(0)).tolist()
    begins = np.cumsum([0] + [order.rows[number].item() for number in sequence])
    for place, number in enumerate(sequence):
        for later in range(place + 1, 5):
            if begins[later] - begins[place] >= 20:
                assert places[number].max() < places[sequence[later]].min()


def test_ranks_and_a_resumed_run_read_the_same_batches():
    def batches(start, **ranks):
        order = GlobalBatches(24, 4, 0, lambda: start, order=WindowShuffled(streams.ROWS, 8), **ranks)
        return list(islice(order, 14 - start))

    whole = batches(0)
    first, second = (batches(0, rank=rank, world_size=2) for rank in range(2))
    assert [one + other for one, other in zip(first, second, strict=True)] == whole
    assert batches(9) == whole[9:]


def test_pictures_are_read_by_number_and_each_group_is_read_once(files, tmp_path):
    filesystem = streams.Files()
    pictures = streams.stream(files, tmp_path, filesystem)
    assert pictures.groups.rows.tolist() == streams.ROWS
    filesystem.opened.clear()
    values = [(np.asarray(pictures[n][0])[0, 0, 0], pictures[n][1]) for n in (23, 0, 11, 12, 4, 23)]
    assert values == [(23, 2), (0, 0), (11, 2), (12, 0), (4, 1), (23, 2)]
    assert len(filesystem.opened) == 4
    # Another process finds the groups where the first one left them.
    other = pickle.loads(pickle.dumps(streams.stream(files, tmp_path, filesystem)))
    filesystem.opened.clear()
    assert other[11][1] == 2
    assert not filesystem.opened
    assert pictures.revision == other.revision != streams.stream(files, tmp_path, images=23).revision


def test_the_first_images_need_no_further_files(files, tmp_path):
    pictures = streams.stream(files, tmp_path, images=7)
    assert len(pictures) == 7
    assert pictures.groups.rows.tolist() == [5, 2]


def test_a_folder_without_room_for_two_windows_is_refused(files, tmp_path):
    with pytest.raises(UserError, match=r"data\.source\.cache_gb=0\.0 instead of 1e-06, or less data\.source\.window"):
        streams.stream(files, tmp_path, limit=1000)


def test_a_lost_connection_is_tried_again_and_then_one_line(files, tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(connection.time, "sleep", slept.append)
    pictures = streams.stream(files, tmp_path, streams.Files(fails=3))
    assert slept == list(connection.WAITS)
    data = ImageData(lambda: pictures, "hf", 4, 3, None, 4, 0, workers=0)
    data.setup()
    pictures.groups.filesystem.fails = 100
    with pytest.raises(ConnectionLost, match=r"the connection failed 4 times \(reset by peer\)") as error:
        data.dataset[0]
    assert len(str(error.value).splitlines()) == 1
    assert not [path for path in tmp_path.iterdir() if not path.suffix]
    with pytest.raises(ConnectionLost, match="cannot be read"):
        retried("x", lambda: fsspec.filesystem("file").open("/nonexistent"))


@pytest.mark.parametrize("workers", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_batches_are_a_function_of_the_seed_in_memory_and_from_any_number_of_workers(files, tmp_path, workers):
    def batches(in_memory, workers):
        pictures = streams.stream(files, tmp_path / f"{in_memory}", limit=10**9)
        data = ImageData(lambda: pictures, "hf", 4, 3, 3, 4, 0, workers=workers, in_memory=in_memory)
        data.setup()
        loader = iter(data.train_dataloader())
        return reds([next(loader) for _ in range(12)]), data.data_version

    on_disk, version = batches(None, workers)
    assert on_disk == batches(True, 0)[0]
    assert sorted(chain(*on_disk[:6])) == sorted(chain(*on_disk[6:])) == list(range(24))
    assert on_disk[:6] != on_disk[6:]
    assert version.startswith("revision:")


def test_classes_are_balanced_only_where_all_images_are_at_hand(files, tmp_path):
    def data(in_memory):
        pictures = streams.stream(files, tmp_path)
        made = ImageData(lambda: pictures, "hf", 4, 3, 3, 6, 0, in_memory=in_memory, balance=True)
        made.setup()
        return made

    with pytest.raises(UserError, match="only the images of a window are at hand"):
        data(None).train_dataloader()
    batch = next(iter(data(True).train_dataloader()))
    assert batch["label"].bincount().tolist() == [2, 2, 2]


@pytest.fixture
def hub_run(tmp_path):
    """A function that trains on the data set of a Hub, and returns the weights and the row groups that were sent."""
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    images = [{"bytes": streams.encoded(value), "path": None} for value in range(24)]
    rows = datasets.Dataset.from_dict({"image": images, "label": [n % 3 for n in range(24)]}, features=features)
    rows.to_parquet(tmp_path / "train-0.parquet", batch_size=5)
    content = (tmp_path / "train-0.parquet").read_bytes()
    with serving({"owner/name": {"train-0.parquet": content}}) as hub:

        def run(name, cache, *arguments, resumed=False):
            hub.read.clear()
            variables = {
                **os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0",
                "GANEXP_CACHE": str(tmp_path / cache), "OMP_NUM_THREADS": "1",
            }  # fmt: skip
            composed = [
                *NETWORKS, f"run_dir={name}", "metric=none", "data=hf", "data.path=owner/name", "normalization=layer",
                "data.source.streaming=true", "data.image_size=8", "data.batch_size=4", "data.source.window=8",
                "data.workers=1", "schedule=constant", "optimizer=sgd",
            ]  # fmt: skip
            options = [f"resume={name}", "trust=owner/name"] if resumed else composed
            command = [sys.executable, "-m", "ganexp", *options, *arguments]
            done = subprocess.run(command, env=variables, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert not list((tmp_path / "hf").rglob("*.parquet"))
            checkpoint = torch.load(tmp_path / name / "checkpoints/last.ckpt", weights_only=True)
            # Where a footer is read, the end of the file is asked for; all other ranges are row groups.
            groups = [(first, end) for _, first, end in hub.read if end < len(content)]
            weights = {key: value for key, value in checkpoint["state_dict"].items() if isinstance(value, torch.Tensor)}
            assert any(key.startswith("generator.") for key in weights)
            return weights, groups

        yield run


def require_each_once(groups):
    assert len(groups) == len(set(groups)) == 5, groups


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_training_from_the_hub_is_the_same_resumed_and_on_two_ranks_and_reads_each_row_group_once(hub_run):
    whole, groups = hub_run("whole", "cache", "images=48", "trainer=cpu")
    require_each_once(groups)
    hub_run("parts", "cache", "images=20", "trainer=cpu")
    resumed, groups = hub_run("parts", "cache", "images=48", resumed=True)
    assert not groups
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
    # The ranks share the cache folder, so that each row group is sent to one of them.
    ranks, groups = hub_run("ranks", "shared", "images=48", "trainer=ddp_cpu")
    require_each_once(groups)
    torch.testing.assert_close(ranks, whole, rtol=1e-5, atol=1e-5)
    hub_run("rank_parts", "shared", "images=20", "trainer=ddp_cpu")
    resumed, _ = hub_run("rank_parts", "shared", "images=48", resumed=True)
    torch.testing.assert_close(resumed, ranks, rtol=0, atol=0)
