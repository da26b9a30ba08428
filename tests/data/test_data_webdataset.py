"""Tar shards in WebDataset's format as a source."""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from ganexp.config.class_counts import webdataset_classes
from ganexp.data.shards import tar_index
from ganexp.data.shards.tar_pictures import array_of
from ganexp.data.sources import webdataset
from ganexp.data.sources.webdataset import expanded
from support.refusals import complaint


def encoded(value, kind="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 0, 0)).save(buffer, kind)
    return buffer.getvalue()


def write(path, members):
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                tar.addfile(info)
    return path


def shards(folder, number=2, size=3, label=lambda index: [("cls", str(index % 2).encode())]):
    for shard in range(number):
        indices = range(shard * size, (shard + 1) * size)
        members = [
            (f"{index:04d}.{suffix}", content)
            for index in indices
            for suffix, content in [("png", encoded(index)), *label(index)]
        ]
        write(folder / f"shards-{shard:03d}.tar", members)
    return folder


def reds(pictures):
    return [int(np.asarray(pictures[number][0])[0, 0, 0]) for number in range(len(pictures))]


def test_the_number_of_classes_is_that_of_the_labels(tmp_path):
    assert webdataset_classes(str(shards(tmp_path, label=lambda index: [("cls", b"ab"[index % 2 :][:1])]))) == 2
    assert webdataset_classes(str(shards(tmp_path, label=lambda index: []))) is None


@pytest.mark.parametrize("place", ["", "/shards-{000..001}.tar"])
def test_images_and_classes_are_in_the_order_of_the_shards(tmp_path, place):
    pictures = webdataset(f"{shards(tmp_path)}{place}")
    assert reds(pictures) == list(range(6))
    assert [pictures[number][1] for number in range(6)] == pictures.labels.tolist() == [0, 1] * 3
    assert pictures.classes == ["0", "1"]
    assert pictures.name(4).endswith("shards-001.tar:0004")
    assert reds(webdataset(f"{tmp_path}/shards-001.tar")) == [3, 4, 5]


@pytest.mark.parametrize("key", ["label", "cls", "class"])
def test_labels_may_be_names_in_json(tmp_path, key):
    def label(index):
        return [("json", json.dumps({key: ["dog", "cat"][index % 2], "url": "x"}).encode())]

    pictures = webdataset(str(shards(tmp_path, label=label)))
    assert (pictures.labels.tolist(), pictures.classes) == ([1, 0] * 3, ["cat", "dog"])


def test_shards_without_labels_and_with_other_files_have_images_only(tmp_path):
    extra = [("notes/readme", b"x"), ("__meta.json", b"{}"), (".hidden.png", b"x"), ("a/b.v1.seg.png", encoded(1))]
    members = [*extra, ("a/b.jpg", encoded(9, "JPEG")), ("a/b.txt", b"caption"), ("a", (tarfile.DIRTYPE, ""))]
    pictures = webdataset(str(write(tmp_path / "x.tar", members)))
    assert (len(pictures), pictures.classes, pictures.name(0).rpartition(":")[2]) == (1, [], "a/b")


def test_a_shard_is_read_through_once_and_its_index_kept(tmp_path, monkeypatch):
    pictures = webdataset(str(shards(tmp_path)))
    monkeypatch.setattr(tar_index, "_scanned", lambda *_: pytest.fail("read again"))
    again = webdataset(str(tmp_path))
    assert reds(again) == reds(pictures)
    assert again.version == pictures.version
    monkeypatch.undo()
    shards(tmp_path, number=1, size=2)
    changed = webdataset(str(tmp_path))
    assert reds(changed) == [0, 1, 3, 4, 5]
    assert changed.version != pictures.version


@pytest.mark.parametrize("left", [300, 1000, 2048, -10240])
def test_shards_that_are_cut_short_are_counted_and_the_first_three_named(tmp_path, left):
    for path in shards(tmp_path, number=5).glob("*.tar"):
        whole = path.read_bytes()
        if path.stem != "shards-002":
            # Without what follows the last sample, or less.
            path.write_bytes(whole[:left] if left > 0 else whole[: len(whole.rstrip(b"\0")) // 512 * 512 + 512])
    line = complaint(webdataset, str(tmp_path))
    assert (
        "4 shards are cut short, damaged or compressed: shards-000.tar; shards-001.tar; shards-003.tar; and 1" in line
    )


def test_a_compressed_shard_is_named(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w:gz") as tar:
        info = tarfile.TarInfo("a.png")
        tar.addfile(info, io.BytesIO())
    assert "compressed: x.tar" in complaint(webdataset, str(tmp_path))


def test_a_member_that_is_larger_than_any_file_is_damage(tmp_path):
    path = shards(tmp_path, number=1) / "shards-000.tar"
    content = bytearray(path.read_bytes())
    # The size as a binary number, and the checksum of the header in which it counts as spaces.
    content[124:136] = b"\x80" + (2**80).to_bytes(11)
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    path.write_bytes(content)
    assert "1 shards are cut short, damaged" in complaint(webdataset, str(tmp_path))


def test_damage_in_the_middle_is_not_taken_for_the_end(tmp_path):
    path = shards(tmp_path, number=1) / "shards-000.tar"
    content = bytearray(path.read_bytes())
    content[1024 : 1024 + 512] = b"x" * 512
    path.write_bytes(content)
    assert "1 shards are cut short, damaged" in complaint(webdataset, str(tmp_path))


def test_tricks_with_paths_and_links_are_refused(tmp_path):
    tricks = [
        ("../x.png", encoded(1)), ("/etc/x.png", encoded(2)), ("l.png", (tarfile.SYMTYPE, "/etc/passwd")),
        ("h.png", (tarfile.LNKTYPE, "a.png")), ("p.png", (tarfile.FIFOTYPE, "")),
    ]  # fmt: skip
    write(tmp_path / "x.tar", [("a.png", encoded(0)), *tricks])
    line = complaint(webdataset, str(tmp_path))
    assert "5 members are links, lead out of the folder or have endless names" in line
    assert "x.tar:../x.png; x.tar:/etc/x.png; x.tar:l.png; and 2 more" in line


def test_endless_names_and_labels_do_not_fill_memory(tmp_path):
    write(tmp_path / "x.tar", [("a" * 2000 + ".png", encoded(0))])
    assert "1 members are" in complaint(webdataset, str(tmp_path))
    write(tmp_path / "x.tar", [("a.png", encoded(0)), ("a.cls", b"a" * 2000), ("b.png", encoded(0)), ("b.cls", b"0")])
    assert "1 labels are missing" in complaint(webdataset, str(tmp_path))


def test_two_images_of_one_key_are_refused(tmp_path):
    write(tmp_path / "x.tar", [("a.png", encoded(0)), ("b.png", encoded(1)), ("a.jpg", encoded(2, "JPEG"))])
    assert "1 keys have more than one image: x.tar:a.jpg" in complaint(webdataset, str(tmp_path))


def test_missing_labels_are_named(tmp_path):
    shards(tmp_path, label=lambda index: [] if index in (1, 2, 3, 4) else [("cls", b"0")])
    line = complaint(webdataset, str(tmp_path))
    assert "4 labels are missing: " in line
    assert "shards-000.tar:0001" in line
    assert "; and 1 more" in line


def test_missing_shards_and_folders_without_any_are_named(tmp_path):
    shards(tmp_path)
    line = complaint(webdataset, f"{tmp_path}/shards-{{000..009}}.tar")
    assert "8 of 10 shards are missing" in line
    assert "and 5 more" in line
    (tmp_path / "empty").mkdir()
    assert "has no tar files" in complaint(webdataset, str(tmp_path / "empty"))
    write(tmp_path / "empty" / "x.tar", [("a.txt", b"text")])
    assert "has no images" in complaint(webdataset, str(tmp_path / "empty"))


def test_a_pattern_stands_for_every_number_between_two():
    assert expanded("a-{08..11}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]
    assert expanded("{0..1}/{1..2}") == ["0/1", "0/2", "1/1", "1/2"]
    assert expanded("a.tar") == ["a.tar"]
    assert "more than 100,000" in complaint(expanded, "{0..99999999999999}")


def test_arrays_are_read_and_are_never_longer_than_they_are(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.full((4, 5, 3), 7, dtype=np.uint8))
    write(tmp_path / "x.tar", [("a.npy", buffer.getvalue())])
    assert webdataset(str(tmp_path))[0][0].shape == (4, 5, 3)
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 1 << 40)})
    unended = buffer.getvalue().replace(b"}", b"(")
    for content in (buffer.getvalue()[:-1], start.getvalue(), b"no array", unended, object_array()):
        with pytest.raises(ValueError, match=r"array|magic|short|data"):
            array_of(content)


def object_array():
    buffer = io.BytesIO()
    np.save(buffer, np.asarray([{}], dtype=object))
    return buffer.getvalue()
