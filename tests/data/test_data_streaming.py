"""Streams of parquet files: each row group read once, in an order that is a function of the seed."""

import io
import os
import pickle
import subprocess
import sys
from itertools import chain, islice

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.images import ImageData
from ganexp.data.order import GlobalBatches
from ganexp.data.sources.row_group_pictures import RowGroupPictures
from ganexp.data.streaming import connection
from ganexp.data.streaming.bounded_folder import BoundedFolder
from ganexp.data.streaming.connection import ConnectionLost, retried
from ganexp.data.streaming.row_groups import RowGroups
from ganexp.data.streaming.window_order import WindowShuffled
from ganexp.errors import UserError
from support.hub_server import serving
from support.runs import NETWORKS, UNSCORED

datasets = pytest.importorskip("datasets")
fsspec = pytest.importorskip("fsspec")
local = pytest.importorskip("fsspec.implementations.local")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ROWS = [5, 5, 2, 5, 5, 2]
"""The rows of the row groups of two files of twelve images."""


class Files(local.LocalFileSystem):
    """Files of this machine, whose reading is written down and may fail."""

    cachable = False

    def __init__(self, fails=0):
        super().__init__()
        self.fails = fails
        self.opened = []

    def open(self, path, **options):
        self.opened.append(path)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("reset by peer")
        return super().open(path, **options)


def encoded(value):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    paths = []
    for number in range(2):
        values = range(12 * number, 12 * number + 12)
        images = [{"bytes": encoded(value), "path": None} for value in values]
        table = pyarrow.table({"image": images, "label": [v % 3 for v in values], "text": ["long " * 99] * 12})
        paths.append(str(folder / f"train-{number}.parquet"))
        parquet.write_table(table, paths[-1], row_group_size=5)
    return paths


def stream(files, folder, filesystem=None, images=None, limit=10**9, window=8):
    groups = RowGroups(filesystem or Files(), files, ["image", "label"], images)
    return RowGroupPictures(
        groups, BoundedFolder(folder, limit), "image", "label", ["a", "b", "c"], "o/n", "commit", window
    )


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
        order = GlobalBatches(24, 4, 0, lambda: start, order=WindowShuffled(ROWS, 8), **ranks)
        return list(islice(order, 14 - start))

    whole = batches(0)
    first, second = (batches(0, rank=rank, world_size=2) for rank in range(2))
    assert [one + other for one, other in zip(first, second, strict=True)] == whole
    assert batches(9) == whole[9:]


def test_pictures_are_read_by_number_and_each_group_is_read_once(files, tmp_path):
    filesystem = Files()
    pictures = stream(files, tmp_path, filesystem)
    assert pictures.groups.rows.tolist() == ROWS
    filesystem.opened.clear()
    values = [(np.asarray(pictures[n][0])[0, 0, 0], pictures[n][1]) for n in (23, 0, 11, 12, 4, 23)]
    assert values == [(23, 2), (0, 0), (11, 2), (12, 0), (4, 1), (23, 2)]
    assert len(filesystem.opened) == 4
    # Another process finds the groups where the first one left them.
    other = pickle.loads(pickle.dumps(stream(files, tmp_path, filesystem)))
    filesystem.opened.clear()
    assert other[11][1] == 2
    assert not filesystem.opened
    assert pictures.revision == other.revision != stream(files, tmp_path, images=23).revision


def test_the_first_images_need_no_further_files(files, tmp_path):
    pictures = stream(files, tmp_path, images=7)
    assert len(pictures) == 7
    assert pictures.groups.rows.tolist() == [5, 2]


def test_a_folder_keeps_what_was_used_last(tmp_path):
    kept = BoundedFolder(tmp_path, 10)
    made = []

    def file(key):
        return kept.file(key, lambda path: made.append(key) or path.write_bytes(bytes(10)))

    for age, key in enumerate("ab"):
        os.utime(file(key), (age, age))
    file("a")
    file("c")
    assert made == ["a", "b", "c"]
    file("a")
    assert made == ["a", "b", "c"]
    file("b")
    assert made == ["a", "b", "c", "b"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 20


def test_a_folder_without_room_for_two_windows_is_refused(files, tmp_path):
    with pytest.raises(UserError, match=r"data\.source\.cache_gb=0\.0 instead of 1e-06, or less data\.source\.window"):
        stream(files, tmp_path, limit=1000)


def test_a_lost_connection_is_tried_again_and_then_one_line(files, tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(connection.time, "sleep", slept.append)
    pictures = stream(files, tmp_path, Files(fails=3))
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
        pictures = stream(files, tmp_path / f"{in_memory}", limit=10**9)
        data = ImageData(lambda: pictures, "hf", 4, 3, 3, 4, 0, workers=workers, in_memory=in_memory)
        data.setup()
        loader = iter(data.train_dataloader())
        return reds([next(loader) for _ in range(12)]), data.data_version

    on_disk, version = batches(None, workers)
    assert on_disk == batches(True, 0)[0]
    assert sorted(chain(*on_disk[:6])) == sorted(chain(*on_disk[6:])) == list(range(24))
    assert on_disk[:6] != on_disk[6:]
    assert version.startswith("revision:")


@pytest.mark.slow
def test_training_from_the_hub_is_the_same_resumed_and_reads_each_row_group_once(tmp_path):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    rows = {
        "image": [{"bytes": encoded(value), "path": None} for value in range(24)],
        "label": [n % 3 for n in range(24)],
    }
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "train-0.parquet", batch_size=5)
    content = (tmp_path / "train-0.parquet").read_bytes()
    with serving({"owner/name": {"train-0.parquet": content}}) as hub:

        def weights(name, *arguments, resumed=False):
            variables = {
                **os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0",
                "GANEXP_CACHE": str(tmp_path / f"cache-{name}"),
            }  # fmt: skip
            composed = [
                *NETWORKS, *UNSCORED, f"run_dir={name}", "data=hf", "data.path=owner/name",
                "data.source.streaming=true", "data.image_size=8", "data.batch_size=4", "data.source.window=8",
                "data.workers=0", "schedule=constant",
            ]  # fmt: skip
            options = [f"resume={name}", "trust=owner/name"] if resumed else composed
            command = [sys.executable, "-m", "ganexp", *options, *arguments]
            done = subprocess.run(command, env=variables, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            checkpoint = torch.load(tmp_path / name / "checkpoints/last.ckpt", weights_only=True)
            return checkpoint["state_dict"]

        whole = weights("whole", "images=48")
        # Where a footer is read, the end of the file is asked for; all other ranges are row groups.
        groups = [(first, last) for _, first, last in hub.read if last < len(content)]
        assert len(groups) == len(set(groups)) == 5, (len(content), hub.read)
        weights("parts", "images=20")
        resumed = weights("parts", "images=48", resumed=True)
        tensors = {key: value for key, value in whole.items() if isinstance(value, torch.Tensor)}
        assert any(key.startswith("generator.") for key in tensors)
        assert not [key for key, value in tensors.items() if not torch.equal(resumed[key], value)]
    assert not list((tmp_path / "hf").rglob("*.parquet"))
