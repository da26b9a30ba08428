"""Parquet files and Hugging Face data sets as sources."""

import io
import os
import random
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from ganexp.config import composition
from ganexp.config.class_counts import hf_classes, parquet_classes
from ganexp.data import sources
from ganexp.data.decoding import Decoder
from ganexp.data.images import ImageData
from ganexp.data.packed.packing import pack
from ganexp.data.packed.pictures import PackedPictures
from ganexp.data.pictures import ArrayPictures
from ganexp.data.shards.class_numbers import numbered
from ganexp.data.sources import hugging_face, parquet
from ganexp.data.sources.datasets_package import hub_table
from ganexp.data.sources.streamed_pictures import StreamedPictures
from ganexp.data.sources.table_labels import Classes
from ganexp.data.sources.table_pictures import TablePictures
from support.hub_server import serving
from support.refusals import complaint
from support.runs import UNSCORED
from support.streams import encoded

datasets = pytest.importorskip("datasets")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = ["cat", "dog", "eel"]


def reds(pictures):
    return [np.asarray(pictures[number][0])[0, 0, 0] for number in range(len(pictures))]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def table():
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES), "caption": datasets.Value("string")}
    )
    rows = {
        "image": [{"bytes": encoded(number), "path": None} for number in range(10)],
        "label": [number % 3 for number in range(10)],
        "caption": [f"number {number % 2}" for number in range(10)],
    }
    return datasets.Dataset.from_dict(rows, features=features)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    table.select(range(6)).to_parquet(folder / "train-00000-of-00002.parquet")
    table.select(range(6, 9)).to_parquet(folder / "train-00001-of-00002.parquet")
    table.select(range(9, 10)).to_parquet(folder / "test-00000-of-00001.parquet")
    return folder


@pytest.mark.parametrize("source", [parquet, hugging_face])
def test_a_folder_of_parquet_files_has_splits_images_and_named_classes(folder, source):
    pictures = source(str(folder))
    assert reds(pictures) == list(range(9))
    assert [pictures[number][1] for number in range(9)] == [number % 3 for number in range(9)] == list(pictures.labels)
    assert pictures.classes == NAMES
    assert reds(source(str(folder), split="test")) == [9]
    assert "valid" in complaint(source, str(folder), split="valid")


def test_a_single_parquet_file_without_hugging_face_features(tmp_path):
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"photo": [encoded(5), encoded(6)], "kind": ["b", "a"]}), path)
    pictures = parquet(str(path), label_column="kind")
    assert reds(pictures) == [5, 6]
    assert (list(pictures.labels), pictures.classes) == ([1, 0], ["a", "b"])
    assert parquet(str(path)).classes == []


def test_what_save_to_disk_wrote_is_read(table, tmp_path):
    table.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": table, "test": table.select([3])}).save_to_disk(tmp_path / "several")
    assert reds(hugging_face(str(tmp_path / "one"))) == list(range(10))
    assert reds(hugging_face(str(tmp_path / "several"), split="test")) == [3]
    assert "train|test" in complaint(hugging_face, str(tmp_path / "several"), split="valid")


def test_a_folder_of_images_with_metadata_is_a_data_set(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), (7, 0, 0)).save(tmp_path / "train" / name / "x.png")
    pictures = hugging_face(str(tmp_path))
    assert (reds(pictures), pictures.classes) == ([7, 7], ["a", "b"])


def test_the_number_of_classes_is_that_of_the_label_column(folder):
    assert parquet_classes(str(folder), "train", None, None) == hf_classes(str(folder), "train", None, None) == 3
    assert parquet_classes(str(folder), "train", None, "caption") == 2
    assert parquet_classes(str(folder), "train", None, "none") is None
    assert "no such column" in complaint(parquet_classes, str(folder), "train", None, "kind")
    line = complaint(hf_classes, "owner/name", "train", None, None)
    assert "it has not been downloaded" in line
    assert line.endswith("to go on without: data.num_classes=N, or null for no labels")
    # Without labels the Hub is not asked, nor for what only a run's folder names.
    assert hf_classes("owner/name", "train", None, "none") is None
    root = OmegaConf.create({"trust": []})
    assert hf_classes("owner/name", "train", None, None, _root_=root) is None
    assert complaint(hf_classes, "owner/name", "train", None, None, _root_=OmegaConf.create({"trust": ["owner/name"]}))


def test_a_configuration_counts_the_classes_of_its_data_and_keeps_the_number(folder):
    composition.register_resolvers()
    option = OmegaConf.load(composition.conf_dir() / "data" / "parquet.yaml")
    config = OmegaConf.merge({"seed": 0, "data": option}, {"data": {"path": str(folder)}})
    composition.settle(config, composition.resolve(config))
    assert OmegaConf.to_container(config)["data"]["num_classes"] == 3


def test_a_column_that_is_no_image_is_named(folder):
    line = complaint(parquet, str(folder), image_column="caption")
    assert "data.source.image_column=caption" in line
    assert "columns of images: image" in line
    assert "no such column" in complaint(parquet, str(folder), image_column="picture")
    assert "no such column" in complaint(parquet, str(folder), label_column="kind")


def test_bytes_that_are_no_images_are_named_by_row(tmp_path):
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"photo": [encoded(5), *[b"text"] * 5]}), path)
    module_error = complaint(decoded_whole, parquet(str(path)))
    assert "5 of 6 images cannot be read" in module_error
    for row in (1, 2, 3):
        assert f"row {row}" in module_error
    assert "row 4" not in module_error


def decoded_whole(pictures):
    from ganexp.data.decoding import Decoder
    from ganexp.data.memory import decoded

    decoded(pictures, Decoder(8, 3), labelled=False)


def test_a_row_reads_no_file_outside_of_the_data(tmp_path):
    (tmp_path / "inside").mkdir()
    for path in (tmp_path / "secret.png", tmp_path / "inside" / "own.png"):
        path.write_bytes(encoded(9))
    paths = [tmp_path / "inside" / "own.png", tmp_path / "inside" / ".." / "secret.png", "https://localhost/x.png"]
    rows = [{"image": {"bytes": None, "path": str(path)}} for path in paths]
    pictures = TablePictures(rows, "image", None, [], "table", [tmp_path / "inside"])
    assert np.asarray(pictures[0][0])[0, 0, 0] == 9
    for row in (1, 2):
        assert "outside of the data's folder" in complaint(pictures.__getitem__, row)


def test_missing_labels_are_counted_and_the_first_three_named(table, tmp_path):
    line = complaint(numbered, [0, None, None, None, None, 1], "table")
    assert line == "table: 4 labels are missing: row 1; row 2; row 3; and 1 more"
    for labels, classes in ([[-1] * 10, []], [[0] * 10, NAMES]):
        changed = (
            table.remove_columns("label").add_column("label", labels).cast_column("label", table.features["label"])
        )
        changed.save_to_disk(tmp_path / str(labels[0]))
        assert hugging_face(str(tmp_path / str(labels[0]))).classes == classes


def test_what_is_missing_or_broken_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    assert "broken.parquet cannot be read as a data set" in complaint(parquet, str(tmp_path / "broken.parquet"))
    assert "does not exist" in complaint(parquet, str(tmp_path / "nowhere"))
    assert "neither a folder nor a data set" in complaint(hugging_face, str(tmp_path / "nowhere"))
    line = complaint(hugging_face, "owner/name")
    assert "has not been downloaded" in line
    assert "HF_HUB_OFFLINE" in line
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install 'ganexp[hf]'" in complaint(sources.parquet, str(tmp_path))


def test_a_downloaded_data_set_is_used_without_asking_the_hub(table):
    asked = []

    def load_dataset(path, subset, split):
        asked.append(hub.config.HF_HUB_OFFLINE)
        if hub.fails:
            raise ConnectionError("no network")
        return table

    config = SimpleNamespace(HF_HUB_OFFLINE=False)
    hub = SimpleNamespace(config=config, load_dataset=load_dataset, logging=datasets.logging, fails=False)
    assert len(hub_table(hub, "owner/name", None, "train", True)) == 10
    assert asked == [True]
    hub.fails = True
    assert "cannot be reached (no network)" in complaint(hub_table, hub, "owner/name", None, "train", True)
    assert asked == [True, True, False]
    assert "switched off" in complaint(hub_table, hub, "owner/name", None, "train", False)


class Rows:
    """An iterable of rows that remembers where it was started, and may lose its connection."""

    def __init__(self, table, starts, start=0):
        self.table, self.starts, self.start = table, starts, start
        self.fails_at = None

    def skip(self, number):
        rows = Rows(self.table, self.starts, number)
        rows.fails_at = self.fails_at
        return rows

    def __iter__(self):
        self.starts.append(self.start)
        for number in range(self.start, len(self.table)):
            if number == self.fails_at:
                raise ConnectionError("reset by peer")
            yield self.table[number]


@pytest.fixture
def rows(table):
    undecoded = table.cast_column("image", datasets.Image(decode=False))
    return Rows(undecoded, [])


@pytest.fixture
def stream(rows):
    return StreamedPictures(rows, "image", Classes("label", NAMES, "owner/name"), "owner/name", 10, "a commit")


def test_a_stream_is_packed_as_the_table_is_and_read_once(folder, stream, rows, table, tmp_path):
    decoder = Decoder(8, 3, "bicubic")
    pack(stream, decoder, "hf", tmp_path / "streamed", 4)
    assert rows.starts == [0]
    whole = ArrayPictures(
        np.stack([np.asarray(Image.open(io.BytesIO(encoded(n)))) for n in range(10)]), table["label"], NAMES
    )
    pack(whole, decoder, "hf", tmp_path / "whole", 4)
    for number in range(3):
        name = f"shard-{number:06d}.tar"
        assert (tmp_path / "streamed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_packing_a_stream_goes_on_after_a_lost_connection(stream, rows, tmp_path):
    rows.fails_at = 6
    line = complaint(pack, stream, Decoder(8, 3, "bicubic"), "hf", tmp_path / "p", 4)
    assert line == "owner/name, row 6: the connection failed (reset by peer)"
    rows.fails_at = None
    rows.starts.clear()
    again = StreamedPictures(rows, "image", Classes("label", NAMES, "owner/name"), "owner/name", 10, "a commit")
    packed = pack(again, Decoder(8, 3, "bicubic"), "hf", tmp_path / "p")
    assert packed.kept == 1
    # Row 0 for the shape of images, then from the first shard that is missing.
    assert rows.starts == [0, 4]
    assert reds(PackedPictures(tmp_path / "p")) == list(range(10))


def test_a_stream_says_when_it_ends_early_or_is_read_in_another_order(rows):
    stream = StreamedPictures(rows, "image", None, "owner/name", 12, "a commit")
    assert complaint(stream.prepare, range(8, 12)) == "owner/name has 10 rows: data.source.images=10"
    assert "python -m ganexp data pack" in complaint(stream.__getitem__, 3)
    data = ImageData(lambda: stream, "hf", 8, 3, None, 4, 0, path="owner/name")
    assert "python -m ganexp data pack … out=FOLDER" in complaint(data.setup)


def test_a_stream_that_is_not_parquet_needs_to_know_its_length(table, monkeypatch):
    rows = SimpleNamespace(features=table.features, info=SimpleNamespace(splits=None))
    monkeypatch.setattr(
        sys.modules["ganexp.data.sources.hugging_face"],
        "hub_stream",
        lambda *_: ("a commit", rows, ["hf://datasets/o/n@c/images.tar"]),
    )
    line = complaint(hugging_face, "owner/name", streaming=True)
    assert line == "owner/name does not say how many images it has: data.source.images=N"


PROGRAM = """
import sys
from ganexp.data.sources import hugging_face
from ganexp.errors import UserError
for argument in sys.argv[1:]:
    path, split = argument.split(":")
    try:
        pictures = hugging_face(path, split)
        print(len(pictures), pictures[3][0].size)
    except UserError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_data_set_of_the_hub_is_downloaded_once(folder, tmp_path):
    file = folder / "train-00000-of-00002.parquet"
    with serving({"owner/name": {file.name: file.read_bytes()}}) as hub:
        variables = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}

        def lines(*arguments):
            command = [sys.executable, "-c", PROGRAM, *arguments]
            return subprocess.run(
                command, env=variables, capture_output=True, text=True, check=True
            ).stdout.splitlines()

        first, *refused = lines("owner/name:train", "owner/name:test", "owner/other:train")
        assert first == "6 (8, 8)"
        assert "Unknown split" in refused[0]
        assert "'owner/other' doesn't exist on the Hub" in refused[1]
        assert len(refused) == 2
        hub.asked.clear()
        assert lines("owner/name:train") == ["6 (8, 8)"]
        assert not [path for path in hub.asked if "owner" in path]


COUNT = """
import sys
from ganexp.config.class_counts import hf_classes
from ganexp.errors import UserError
for argument in sys.argv[1:]:
    path, label_column, how = argument.split(":")
    try:
        print(hf_classes(path, "train", None, label_column or None, streaming=how == "stream"))
    except UserError as error:
        print(error)
"""
CARD = b"""---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: kind
    dtype:
      class_label:
        names:
          '0': cat
          '1': dog
---
"""


@pytest.mark.slow
def test_classes_on_the_hub_are_counted_without_the_rows(folder, table, tmp_path):
    # The end of a file is read in one piece of 64 kB.
    long = table.select(range(6)).map(
        lambda _, row: {"caption": random.Random(row).randbytes(50_000).hex()}, with_indices=True
    )
    long.to_parquet(tmp_path / "long.parquet")
    content = (tmp_path / "long.parquet").read_bytes()
    plain = pq.read_table(folder / "train-00000-of-00002.parquet").replace_schema_metadata({})
    pq.write_table(plain, tmp_path / "plain.parquet")
    sets = {
        "owner/schema": {"train.parquet": content},
        "owner/card": {"train.parquet": b"not read", "README.md": CARD},
        "owner/plain": {"train.parquet": (tmp_path / "plain.parquet").read_bytes()},
    }
    with serving(sets) as hub:
        variables = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}

        def lines(program, *arguments):
            command = [sys.executable, "-c", program, *arguments]
            done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
            return done.stdout.splitlines()

        counted = lines(
            COUNT, "owner/schema::stream", "owner/schema::", "owner/card::stream", "owner/plain::stream",
            "owner/schema:caption:", "owner/schema:none:", "owner/schema:kind:", "owner/other::stream",
        )  # fmt: skip
        assert counted[:4] == ["3", "3", "2", "None"]
        named = "data.source.label_column=caption: owner/schema has no names of its classes: data.num_classes=N"
        assert counted[4] == f"{named}, or null for no labels"
        assert counted[5] == "None"
        assert "data.source.label_column=kind: owner/schema has no such column" in counted[6]
        assert "'owner/other' doesn't exist" in counted[7]
        assert "data.num_classes=N" in counted[7]
        assert len(counted) == 8
        assert max(end - first for _, first, end in hub.read) < 70_000 < len(content)
        # What was downloaded before needs no network.
        assert lines(PROGRAM, "owner/schema:train") == ["6 (8, 8)"]
        variables["HF_ENDPOINT"] = "http://127.0.0.1:9"
        downloaded, lost = lines(COUNT, "owner/schema::", "owner/another::stream")
        assert downloaded == "3"
        assert lost.endswith("to go on without: data.num_classes=N, or null for no labels")


@pytest.mark.slow
def test_a_model_is_trained_on_parquet_files(folder, ganexp):
    networks = ["model.generator.network.width=8", "model.discriminator.network.width=8"]
    done = ganexp(
        "run_dir=r", *UNSCORED, "images=8", "model=cdcgan", *networks, "data=parquet", f"data.path={folder}",
        "data.image_size=8", "data.batch_size=4", "data.in_memory=false", "data.workers=0",
    )  # fmt: skip
    assert done.status == 0, done.err
    failed = ganexp("run_dir=s", *UNSCORED, "images=8", "data=parquet", f"data.path={folder}", "data.num_classes=4")
    assert failed.status == 2
    assert "has 3 classes: data.num_classes=3" in failed.complaint


@pytest.mark.slow
def test_a_data_set_of_the_hub_is_packed_without_being_downloaded(folder, tmp_path):
    file = folder / "train-00000-of-00002.parquet"
    with serving({"owner/name": {file.name: file.read_bytes()}}) as hub:
        variables = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}

        def run(*arguments):
            command = [sys.executable, "-m", "ganexp", "data", "pack", "data=hf", "data.path=owner/name", *arguments]
            options = ["data.source.streaming=true", "data.image_size=8", f"out={tmp_path / 'p'}"]
            return subprocess.run([*command, *options], env=variables, capture_output=True, text=True, cwd=tmp_path)

        done = run("data.source.images=5")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("5 images of 3x8x8, 3 classes")
    assert reds(PackedPictures(tmp_path / "p")) == [0, 1, 2, 3, 4]
    assert not list((tmp_path / "hf").rglob("*.parquet"))
