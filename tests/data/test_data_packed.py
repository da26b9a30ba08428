"""Packed sets: what is packed is trained on, bit for bit, whatever happened on the way."""

import hashlib
import io
import json
import tarfile
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import Decoder
from ganexp.data.depth.value_range import ValueRange
from ganexp.data.disk import OnDisk
from ganexp.data.images import ImageData
from ganexp.data.packed import packing
from ganexp.data.packed.index import INDEX, read_whole_index, setting
from ganexp.data.packed.packing import pack
from ganexp.data.packed.store import PackedOnDisk
from ganexp.data.pictures import ArrayPictures, FilePictures
from ganexp.data.sources import packed, webdataset
from ganexp.data.storage import stored
from support.loading import rank_on
from support.locks import held_elsewhere
from support.refusals import complaint

COUNT, SHARD = 23, 5
CLASSES = ["cat", "dog", "eel"]


def pictures(count=COUNT, channels=3, classes=CLASSES):
    shape = (count, 9, 7, 3) if channels == 3 else (count, 9, 7)
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return ArrayPictures(values, np.arange(count) % 3, classes)


def decoder(channels=3):
    return Decoder(6, channels)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "packed"
    pack(pictures(), decoder(), "mine", folder, SHARD)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def module(source, **options):
    values = {"image_size": 6, "channels": 3, "num_classes": 3, "batch_size": 4, "seed": 5, "in_memory": False}
    return ImageData(source, "mine", **{**values, "workers": 0, **options})


def batches(data, first=0, rank=0, ranks=1, number=12):
    data.trainer = rank_on(batches_seen=first, rank=rank, world_size=ranks)
    data.setup()
    return list(islice(data.train_dataloader(), number))


def same(first, second):
    return all(
        one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
        for one, other in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("options", [{}, {"flip": True}, {"balance": True}])
def test_batches_are_those_of_the_source_on_any_ranks_and_workers_and_after_resuming(out, options):
    def read(workers=0, **where):
        return batches(module(lambda: packed(str(out)), workers=workers, **options), **where)

    expected = batches(module(pictures, **options))
    assert same(read(), expected)
    assert same(read(workers=2), expected)
    assert same(read(first=7, number=5), expected[7:])
    halves = [read(first=7, rank=rank, ranks=2, number=5) for rank in range(2)]
    joined = [{key: torch.cat([one[key], other[key]]) for key in one} for one, other in zip(*halves, strict=True)]
    assert same(joined, expected[7:])


def test_a_balanced_packed_set_has_every_class_in_each_group_of_images(tmp_path):
    rare = ArrayPictures(pictures().images, np.arange(COUNT) // 20, ["common", "rare"])
    pack(rare, decoder(), "mine", tmp_path / "rare", SHARD)
    drawn = batches(module(lambda: packed(str(tmp_path / "rare")), num_classes=2, balance=True))
    assert [batch["label"].sum().item() for batch in drawn] == [2] * 12


def test_the_order_depends_on_the_seed(out):
    assert not same(*(batches(module(lambda: packed(str(out)), seed=seed)) for seed in (1, 2)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [CLASSES, []])
def test_packed_images_are_read_without_decoding_and_have_the_same_items(tmp_path, channels, classes):
    source = pictures(channels=channels, classes=classes)
    result = pack(source, decoder(channels), "mine", tmp_path / "p")
    assert (result.header.shards, result.kept) == (1, 0)
    store, _ = stored(packed(str(tmp_path / "p")), decoder(channels), bool(classes), False, 0, 1)
    assert isinstance(store, PackedOnDisk)
    original = OnDisk(source, decoder(channels), bool(classes))
    assert same([store[number] for number in range(COUNT)], [original[number] for number in range(COUNT)])
    # Strides of a size of one change the sums of convolutions.
    assert store.__getitems__([1, 0])["image"].stride() == original.__getitems__([1, 0])["image"].stride()


class WithAttributes(ArrayPictures):
    """Images that have several labels, the bits of their numbers."""

    def __init__(self):
        super().__init__(pictures().images, np.arange(COUNT), ["one", "two", "four", "never"])
        self.labels = (np.arange(COUNT)[:, None] >> np.arange(4) & np.array([1, 1, 1, 0])).astype(np.int8)

    def __getitem__(self, index):
        return Image.fromarray(self.images[index]), self.labels[index]


def test_attributes_are_packed_and_read_as_they_were(tmp_path):
    source, out = WithAttributes(), tmp_path / "bits"
    options = {"num_classes": 4, "attributes": True}
    pack(source, decoder(), "mine", out, SHARD)
    assert [setting(str(out), name) for name in ("num_classes", "attributes")] == [4, True]
    expected = batches(module(WithAttributes, **options))
    for in_memory in (True, False):
        read = module(lambda: packed(str(out)), in_memory=in_memory, **options)
        assert same(batches(read), expected)
        assert torch.equal(read.all_labels(), torch.from_numpy(source.labels))
    with tarfile.open(out / "shard-000001.tar") as tar:
        assert json.load(tar.extractfile("000000006.json")) == {"attributes": [0, 1, 1, 0]}
    before = contents(out)
    assert pack(source, decoder(), "mine", out).kept == 5
    assert contents(out) == before
    lines = (out / INDEX).read_text().splitlines()
    for wrong in ("[4]", "[[4]]", "[true]", "3"):
        (out / INDEX).write_text("\n".join([lines[0], lines[1].replace("[0,1],", f"{wrong},"), *lines[2:]]))
        assert "line 2, describes no shard" in complaint(packed, str(out))


def test_attributes_beyond_those_that_an_index_may_have_are_refused(tmp_path):
    source = WithAttributes()
    source.classes = [str(number) for number in range(10_001)]
    line = complaint(pack, source, decoder(), "mine", tmp_path / "p")
    assert line == "data=mine: 10,001 attributes, and a packed set has 10,000 at most"


def deep_pictures(channels=1):
    values = np.random.default_rng(0).integers(0, 4096, (COUNT, 9, 7, channels), dtype=np.uint16)
    return ArrayPictures16(values, np.arange(COUNT) % 3, CLASSES)


class ArrayPictures16(ArrayPictures):
    """Arrays of 16 bits, as they are."""

    def __getitem__(self, index):
        return self.images[index], int(self.labels[index])


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("value_range", [[0, 4095], "percentiles"])
def test_deep_images_are_packed_at_their_depth_in_one_range(tmp_path, channels, value_range):
    out, options = str(tmp_path / "deep"), {"channels": channels, "value_range": value_range}
    source = module(lambda: deep_pictures(channels), **options)
    ((_, images, decode, _),) = source.picture_sets()["mine"]()
    pack(images, decode, "mine", tmp_path / "deep", SHARD)
    limits = setting(out, "value_range")
    assert limits == list(decode.value_range)
    read = {"channels": channels, "value_range": limits}
    expected = batches(source)
    assert same(batches(module(lambda: packed(out), **read)), expected)
    assert same(batches(module(lambda: packed(out), in_memory=True, **read)), expected)
    assert expected[0]["image"].unique().numel() > 256 // 4
    # In another range the units are those of the source.
    store, _ = stored(packed(out), Decoder(6, channels, value_range=ValueRange(-9000, 9000)), True, False, 0, 1)
    again = (store[3]["image"] * 9000 - decode.value_range.low) / (decode.value_range.high - decode.value_range.low)
    assert torch.allclose(again * 2 - 1, decode(as_picture(images[3][0])), atol=1e-5)


def test_deep_images_without_a_range_are_refused(tmp_path):
    assert "data.value_range" in complaint(pack, deep_pictures(5), decoder(5), "mine", tmp_path / "p")


def test_packed_images_are_decoded_for_another_size(out):
    store, _ = stored(packed(str(out)), Decoder(3, 1), True, False, 0, 1)
    assert not isinstance(store, PackedOnDisk)
    assert store[22]["image"].shape == (1, 3, 3)


def test_a_set_in_memory_equals_one_on_disk(out):
    assert same(batches(module(lambda: packed(str(out)), in_memory=True)), batches(module(pictures)))


def test_other_tools_find_an_array_and_a_class_under_each_key(out):
    with tarfile.open(out / "shard-000001.tar") as tar:
        assert tar.getnames()[:2] == ["000000005.npy", "000000005.cls"]
        assert tar.extractfile("000000005.cls").read() == b"2"
        array = np.load(io.BytesIO(tar.extractfile("000000006.npy").read()))
    assert np.array_equal(array, packed(str(out))[6][0])
    read = webdataset(str(out))
    assert (len(read), read.classes) == (COUNT, ["0", "1", "2"])
    assert all(np.array_equal(read[number][0], packed(str(out))[number][0]) for number in range(COUNT))
    assert read.labels.tolist() == packed(str(out)).labels.tolist()


def test_the_index_has_the_checksum_of_every_shard(out):
    _, shards = read_whole_index(out)
    for shard in shards:
        content = (out / f"shard-{shard.number:06d}.tar").read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard.sha256


def test_settings_come_from_the_packed_set(out):
    assert [setting(str(out), name) for name in ("image_size", "channels", "num_classes")] == [6, 3, 3]


class Killed(BaseException):
    """Ends packing where a signal would."""


@pytest.mark.parametrize("when", [0, 2])
def test_packing_continues_after_an_interruption_with_the_same_bytes(out, tmp_path, monkeypatch, when):
    again = tmp_path / "again"
    write = packing._write

    def interrupted(folder, number, layout, items):
        if number == when:
            (folder / f".{packing.shard_name(number)}.tmp").write_bytes(b"half")
            raise Killed
        return write(folder, number, layout, items)

    monkeypatch.setattr(packing, "_write", interrupted)
    with pytest.raises(Killed):
        pack(pictures(), decoder(), "mine", again, SHARD)
    assert "of 5 shards: run the same python -m ganexp data pack again" in complaint(packed, str(again))
    # The last line of the index may be cut short as well.
    with (again / INDEX).open("a") as index:
        index.write('{"number":3,"sha')
    monkeypatch.setattr(packing, "_write", write)
    assert pack(pictures(), decoder(), "mine", again).kept == when
    assert contents(again) == contents(out)


def test_packing_again_repairs_damaged_shards(out):
    whole = contents(out)
    damaged = bytearray(whole["shard-000001.tar"])
    damaged[700] ^= 1
    (out / "shard-000001.tar").write_bytes(damaged)
    (out / "shard-000003.tar").unlink()
    assert pack(pictures(), decoder(), "mine", out).kept == 3
    assert contents(out) == whole


def test_a_set_of_other_images_or_settings_is_left_alone(out):
    whole = contents(out)
    assert "(channels" in complaint(pack, pictures(), decoder(1), "mine", out)
    assert "(source)" in complaint(pack, pictures(), decoder(), "other", out)
    assert "(images" in complaint(pack, pictures(20), decoder(), "mine", out)
    assert contents(out) == whole


def test_one_process_at_a_time_packs(out):
    with held_elsewhere(out):
        assert "process 4321 on node7" in complaint(pack, pictures(), decoder(), "mine", out)


def test_unreadable_images_are_named_and_the_others_packed(tmp_path):
    paths = []
    for number in range(20):
        path = tmp_path / f"{number:02d}.png"
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
        if number in (1, 2, 3, 11):
            path.write_bytes(b"no image")
        paths.append(str(path))
    out = tmp_path / "packed"
    line = complaint(pack, FilePictures(paths), decoder(), "mine", out, SHARD)
    assert "4 of 20 images cannot be read" in line
    assert all(f"{number:02d}.png" in line for number in (1, 2, 3))
    assert "and 1 more" in line
    assert sorted(path.name for path in out.glob("*.tar")) == ["shard-000001.tar", "shard-000003.tar"]


def test_shards_that_are_not_whole_are_named(out):
    for number in range(4):
        (out / f"shard-{number:06d}.tar").write_bytes(b"short")
    line = complaint(packed, str(out))
    assert "4 shards are not whole: shard-000000.tar (5 bytes instead of" in line
    assert "; and 1 more" in line
    (out / "shard-000000.tar").unlink()
    (out / "shard-000000.tar").symlink_to(out / "shard-000004.tar")
    assert "shard-000000.tar (a link)" in complaint(packed, str(out))


def test_a_shard_that_is_cut_short_while_it_is_read_is_named(out):
    read = packed(str(out))
    (out / "shard-000002.tar").write_bytes(b"short")
    store = PackedOnDisk(read, decoder(), labelled=True)
    assert "shard-000002.tar ends early" in complaint(store.__getitems__, [0, 12])


@pytest.mark.parametrize(
    "change",
    [
        {"height": -1}, {"height": 1.5}, {"images": 10**30}, {"width": 1 << 40}, {"shard_size": 0}, {"classes": [1]},
        {"value_range": [1, 0]}, {"value_range": 3}, {"value_range": [0, None]}, {"value_range": [0, 10**400]},
        {"format": "another"}, {"more": 1}, {"classes": None}, {"source": 3},
        "[" * 100_000, "3", "null", "[]",
    ],
)  # fmt: skip
def test_an_index_from_somebody_else_is_refused_in_one_line(out, change):
    first, *rest = (out / INDEX).read_text().splitlines()
    changed = change if isinstance(change, str) else json.dumps({**json.loads(first), **change})
    (out / INDEX).write_text("\n".join([changed, *rest]))
    assert INDEX in complaint(packed, str(out))


@pytest.mark.parametrize("change", [{"number": 7}, {"labels": [0] * 4}, {"labels": [3] * 5}, {"sha256": 1}, {"x": 1}])
def test_a_line_of_the_index_that_fits_no_shard_is_refused(out, change):
    header, first, *rest = (out / INDEX).read_text().splitlines()
    (out / INDEX).write_text("\n".join([header, json.dumps({**json.loads(first), **change}), *rest]))
    assert f"{INDEX}, line 2" in complaint(packed, str(out))


def test_a_folder_that_is_no_packed_set_is_refused(tmp_path):
    assert "does not exist" in complaint(packed, str(tmp_path / "nowhere"))
    assert "python -m ganexp data pack" in complaint(packed, str(tmp_path))
    (tmp_path / "x.tar").touch()
    assert "data=webdataset" in complaint(packed, str(tmp_path))
