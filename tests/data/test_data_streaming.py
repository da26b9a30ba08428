"""Streams of parquet files: each row group read once, in an order that is a function of the seed."""

import os
import pickle
import subprocess
import sys
from itertools import chain, islice

import numpy as np
import pytest
import torch

from ganexp.data.epoch_order import Balanced
from ganexp.data.images import ImageData
from ganexp.data.order import GlobalBatches
from ganexp.data.pictures import ArrayPictures
from ganexp.data.sources.row_group_pictures import mapped
from ganexp.data.sources.table_labels import Classes, Flags, Lists
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


RARE = Classes("rare", ["common", "rare"], "o/n")


def balanced(files, folder, **options):
    pictures = streams.stream(files, folder, labels=RARE)
    data = ImageData(lambda: pictures, "hf", 4, 3, 2, 4, 0, balance=True, **{"workers": 0, **options})
    data.setup()
    return data


def test_an_epoch_of_a_balanced_stream_has_every_class_equally_often_from_no_more_row_groups_at_once():
    labels = torch.tensor([0] * 90 + [1] * 7 + [0] * 3)
    rows, window = [10] * 10, 20
    order = WindowShuffled(rows, window).drawing(Balanced(labels))
    one, same, other = (order(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.tolist() == same.tolist() != other.tolist()
    assert labels[one].bincount().tolist() == [50, 50]
    for label in (0, 1):
        times = one.bincount(minlength=100)[labels == label]
        assert times.max() - times.min() <= 1
    # A group is left behind when those that begin a window later are due, as without balance.
    sequence = torch.randperm(10, generator=torch.Generator().manual_seed(0)).argsort()
    begins = 10 * sequence[one // 10]
    assert (begins.cummax(0).values - begins).max() < window


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_balanced_stream_has_the_same_batches_from_workers_and_ranks_and_after_resuming(files, tmp_path, workers):
    loader = iter(balanced(files, tmp_path, workers=workers).train_dataloader())
    drawn = [next(loader) for _ in range(12)]
    epochs = [torch.cat([batch["label"] for batch in drawn[first : first + 6]]) for first in (0, 6)]
    assert [epoch.bincount().tolist() for epoch in epochs] == [[12, 12]] * 2
    order = WindowShuffled(streams.ROWS, 8).drawing(Balanced([int(number % 12 == 0) for number in range(24)]))

    def batches(start, **ranks):
        return list(islice(GlobalBatches(24, 4, 0, lambda: start, order=order, **ranks), 12 - start))

    assert reds(drawn) == batches(0)
    assert batches(8) == batches(0)[8:]
    halves = zip(*(batches(0, rank=rank, world_size=2) for rank in range(2)), strict=True)
    assert [one + other for one, other in halves] == batches(0)


def test_the_labels_of_a_stream_are_read_once_and_without_its_images(files, tmp_path):
    filesystem = streams.Files()
    pictures = streams.stream(files, tmp_path, filesystem, images=19, labels=RARE)
    filesystem.opened.clear()
    assert pictures.labels.tolist() == [int(number % 12 == 0) for number in range(19)]
    assert sorted(filesystem.opened) == sorted(files)
    (kept,) = (path for path in tmp_path.iterdir() if not path.suffix)
    assert mapped(kept).column_names == ["rare"]
    again = streams.stream(files, tmp_path, filesystem, images=19, labels=RARE)
    filesystem.opened.clear()
    assert again.labels.tolist() == pictures.labels.tolist()
    assert not filesystem.opened


def test_a_balanced_stream_in_memory_has_every_class_in_a_batch(files, tmp_path):
    batch = next(iter(balanced(files, tmp_path, in_memory=True).train_dataloader()))
    assert batch["label"].bincount().tolist() == [2, 2]


def test_rows_of_a_stream_that_have_no_class_are_refused_by_name(files, tmp_path):
    pictures = streams.stream(files, tmp_path, labels=Classes("label", ["a", "b"], "o/n"))
    data = ImageData(lambda: pictures, "hf", 4, 3, 2, 4, 0, balance=True, workers=0)
    data.setup()
    with pytest.raises(UserError) as error:
        data.train_dataloader()
    rows = "row 2 (2); row 5 (2); row 8 (2); and 5 more"
    assert str(error.value) == f"o/n, column label: 8 rows have numbers other than 0 to 1: {rows}"
    with pytest.raises(UserError, match=r"row 2 \(o/n, column label: .*: row 2 \(2\)\)"):
        data.dataset[2]


def test_a_source_with_an_order_of_its_own_is_not_balanced_on_disk():
    pictures = ArrayPictures(np.zeros((6, 4, 4), dtype=np.uint8), [0, 1] * 3, ["a", "b"])
    pictures.epoch_order = lambda rng: torch.arange(6)
    data = ImageData(lambda: pictures, "toy", 4, 1, 2, 2, 0, balance=True, workers=0)
    data.setup()
    with pytest.raises(UserError, match=r"toy is read in an order of its own: data\.in_memory=true"):
        data.train_dataloader()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (Flags(["odd", "rare"], "o/n"), [[number % 2, number % 12 == 0] for number in range(24)]),
        (Lists("factors", ["2", "3"], "o/n"), [[number % 2 == 0, number % 3 == 0] for number in range(24)]),
    ],
)
@pytest.mark.parametrize("in_memory", [True, None])
def test_attributes_of_a_stream_are_those_of_its_columns(files, tmp_path, labels, expected, in_memory):
    pictures = streams.stream(files, tmp_path, labels=labels)
    data = ImageData(lambda: pictures, "hf", 4, 3, 2, 4, 0, attributes=True, workers=0, in_memory=in_memory)
    data.setup()
    assert data.all_labels().tolist() == expected
    batch = next(iter(data.train_dataloader()))
    assert batch["label"].tolist() == [expected[red] for red in batch["image"][:, 0, 0, 0]]


@pytest.fixture
def hub_run(tmp_path):
    """A function that trains on the data set of a Hub, and returns the weights and the row groups that were sent."""
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    images = [{"bytes": streams.encoded(value), "path": None} for value in range(24)]
    rows = datasets.Dataset.from_dict({"image": images, "label": [0, 1, 0, 0, 0, 2] * 4}, features=features)
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


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_training_on_equally_frequent_classes_of_the_hub_is_the_same_resumed_and_on_two_ranks(hub_run):
    options = ("images=48", "data.balance=true")
    whole, _ = hub_run("whole", "cache", *options, "trainer=cpu")
    hub_run("parts", "cache", "images=20", "data.balance=true", "trainer=cpu")
    resumed, _ = hub_run("parts", "cache", "images=48", resumed=True)
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
    ranks, _ = hub_run("ranks", "shared", *options, "trainer=ddp_cpu")
    torch.testing.assert_close(ranks, whole, rtol=1e-5, atol=1e-5)
