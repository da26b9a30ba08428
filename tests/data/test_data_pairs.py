"""Folders and archives of pairs and domains: every layout, and every mistake by name."""

import hashlib
import io
import logging
import stat
import tarfile
import zipfile
from http.server import SimpleHTTPRequestHandler

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data import sources
from ganexp.data.decoding import Decoder
from ganexp.data.problems import collect_problems
from ganexp.data.translation.items import PairDecoder
from ganexp.data.unpacking import unpack
from ganexp.errors import UserError
from support.file_server import running


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))


def picture(value, size=(6, 6), mode="RGB"):
    return Image.new(mode, size, (value, value, value) if mode == "RGB" else value)


def save(path, drawn):
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.save(path)


def both(a, b, size=(6, 6)):
    """A picture with A left and B right."""
    drawn = Image.new("RGB", (2 * size[0], size[1]))
    drawn.paste(picture(a, size), (0, 0))
    drawn.paste(picture(b, size), (size[0], 0))
    return drawn


def values(pairs):
    """The values of each pair's input and target."""
    decode = PairDecoder(Decoder(6, 3))
    decoded = [decode(pairs[index][0]) for index in range(len(pairs))]
    assert all(each.shape == (6, 6, 6) for each in decoded)
    return [(int(each[0, 0, 0]), int(each[3, 0, 0])) for each in decoded]


def red(pictures):
    return [int(np.asarray(pictures[index][0].convert("RGB"))[0, 0, 0]) for index in range(len(pictures))]


PAIRED = {
    "side by side": lambda top, split, name, a, b: save(top / split / f"{name}.png", both(a, b)),
    "trainA": lambda top, split, name, a, b: (save(top / f"{split}A" / f"{name}.png", picture(a)),
                                              save(top / f"{split}B" / f"{name}.bmp", picture(b))),
    "train/A": lambda top, split, name, a, b: (save(top / split / "A" / f"{name}.png", picture(a)),
                                               save(top / split / "B" / f"{name}.png", picture(b))),
    "A/train": lambda top, split, name, a, b: (save(top / "A" / split / f"{name}.png", picture(a)),
                                               save(top / "B" / split / f"{name}.png", picture(b))),
}  # fmt: skip


@pytest.mark.parametrize("add", PAIRED.values(), ids=PAIRED)
def test_pairs_are_found_in_every_layout(tmp_path, add):
    for name, a, b in (("x", 1, 2), ("deep/y", 3, 4)):
        add(tmp_path, "train", name, a, b)
    add(tmp_path, "val", "z", 5, 6)
    assert sorted(values(sources.paired_folder("train", str(tmp_path)))) == [(1, 2), (3, 4)]
    assert values(sources.paired_folder("val", str(tmp_path), "b2a")) == [(6, 5)]
    with pytest.raises(UserError, match=r"has no split 'test': .*data\.test_split=train\|val"):
        sources.paired_folder("test", str(tmp_path))


@pytest.mark.parametrize("split", ["", "train"])
@pytest.mark.parametrize("layout", ["side by side", "two folders"])
def test_without_a_test_split_every_tenth_pair_is_kept_for_it(tmp_path, split, layout, caplog):
    for index in range(20):
        if layout == "side by side":
            save(tmp_path / split / f"{index:02d}.png", both(index, index))
        else:
            for side in "AB":
                save(tmp_path / (f"train{side}" if split else side) / f"{index:02d}.png", picture(index))
    with caplog.at_level(logging.INFO):
        train, test = (sources.paired_folder(split, str(tmp_path)) for split in ("train", "test"))
    assert values(test) == [(9, 9), (19, 19)]
    assert sorted(values(train) + values(test)) == [(index, index) for index in range(20)]
    assert "has no test split, so every tenth image is reserved for it: 18 for train" in caplog.text


def test_few_images_leave_at_least_one_to_test_on(tmp_path):
    save(tmp_path / "0.png", both(0, 0))
    with pytest.raises(UserError, match="too few images"):
        sources.paired_folder("train", str(tmp_path))
    save(tmp_path / "1.png", both(1, 1))
    assert values(sources.paired_folder("train", str(tmp_path))) == [(0, 0)]
    assert values(sources.paired_folder("test", str(tmp_path))) == [(1, 1)]


def refused(tmp_path, words, source=sources.paired_folder, **settings):
    with pytest.raises(UserError, match=words) as caught:
        source("train", str(tmp_path), **settings)
    assert "\n" not in str(caught.value)


def test_pictures_without_counterpart_are_named(tmp_path):
    for name in ("a", "b", "c"):
        save(tmp_path / "A" / f"{name}.png", picture(0))
    for name in ("a", "d"):
        save(tmp_path / "B" / f"{name}.png", picture(0))
    refused(tmp_path, r"A has 3 images and .*B has 2, .*: \S*A/b\.png; \S*A/c\.png; \S*B/d\.png\.")


def test_pictures_of_unequal_size_are_named(tmp_path):
    for name, size in (("a", (6, 6)), ("b", (5, 6))):
        save(tmp_path / "A" / f"{name}.png", picture(0))
        save(tmp_path / "B" / f"{name}.png", picture(0, size))
    refused(tmp_path, r"the same size: \S*A/b\.png has 6x6 pixels and \S*B/b\.png 5x6")


def test_an_odd_width_is_named(tmp_path):
    save(tmp_path / "a.png", both(0, 0))
    save(tmp_path / "b.png", picture(0, (13, 6)))
    refused(tmp_path, r"b\.png \(13x6\): an odd width cannot be halved")


def test_two_pictures_of_one_name_are_named(tmp_path):
    for name in ("A/a.png", "A/a.bmp", "B/a.png"):
        save(tmp_path / name, picture(0))
    refused(tmp_path, r"A/a\.bmp and \S*A/a\.png have the same name")


def test_an_empty_or_missing_domain_is_named(tmp_path):
    save(tmp_path / "trainA" / "a.png", picture(0))
    for source in (sources.paired_folder, sources.unpaired_folder):
        refused(tmp_path, r"trainB is missing", source)
    (tmp_path / "trainB").mkdir()
    for source in (sources.paired_folder, sources.unpaired_folder):
        refused(tmp_path, r"trainB has no images", source)
    refused(tmp_path / "nowhere", r"nowhere does not exist: give a folder of images \(data\.root=FOLDER\)")


def test_files_that_are_no_images_are_named(tmp_path):
    save(tmp_path / "A" / "a.png", picture(0))
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "a.png").write_bytes(b"")
    for source in (sources.paired_folder, sources.unpaired_folder):
        refused(tmp_path, r"1 of 1 images cannot be read: \S*B/a\.png \(empty or not an image\)", source)


def test_unusual_pictures_are_converted_and_that_is_said(tmp_path, caplog):
    pixels = np.full((6, 6), 65535, dtype=np.uint16)
    drawn = {"grey": picture(7, mode="L"), "deep": Image.fromarray(pixels), "clear": Image.new("RGBA", (6, 6))}
    for name, a in drawn.items():
        save(tmp_path / "trainA" / f"{name}.png", a)
        save(tmp_path / "trainB" / f"{name}.png", picture(9))
    save(tmp_path / "testA" / "x.png", picture(1))
    save(tmp_path / "testB" / "x.png", picture(2))
    with caplog.at_level(logging.INFO):
        pairs = sources.paired_folder("train", str(tmp_path))
    assert values(pairs) == [(255, 9), (255, 9), (7, 9)]
    said = "of 3 images 1 transparent (put on white); 1 of 16 bits (scaled to 8); 2 grey"
    assert [record.getMessage() for record in caplog.records] == [f"data: {tmp_path / 'trainA'}, {said}"]


def test_a_photograph_taken_sideways_is_halved_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "ab":
        both(10, 200).transpose(Image.Transpose.ROTATE_90).save(tmp_path / f"{name}.png", exif=exif)
    assert values(sources.paired_folder("train", str(tmp_path))) == [(10, 200)]


def test_two_domains_of_unequal_numbers(tmp_path):
    for name, number in (("trainA", 3), ("trainB", 5), ("testA", 1), ("testB", 2)):
        for index in range(number):
            save(tmp_path / name / f"{index}.png", picture(index + 10 * len(name)))
    train, test = (sources.unpaired_folder(split, str(tmp_path)) for split in ("train", "test"))
    assert [len(side) for side in (train.inputs, train.targets, test.inputs, test.targets)] == [3, 5, 1, 2]
    assert not train.aligned
    turned = sources.unpaired_folder("train", str(tmp_path), direction="b2a")
    assert [len(turned.inputs), len(turned.targets)] == [5, 3]


def test_two_domains_in_explicit_folders(tmp_path):
    for name, number in (("horse", 20), ("deer", 30), ("horse_test", 2), ("deer_test", 4)):
        for index in range(number):
            save(tmp_path / name / f"{index:02d}.png", picture(index))
    names = {key: str(tmp_path / name) for key, name in (("a", "horse"), ("b", "deer"))}
    tests = {key: str(tmp_path / name) for key, name in (("test_a", "horse_test"), ("test_b", "deer_test"))}
    test = sources.unpaired_folder("test", **names, **tests)
    assert (len(test.inputs), len(test.targets)) == (2, 4)
    assert len(sources.unpaired_folder("train", **names, **tests).inputs) == 20
    train, test = (sources.unpaired_folder(split, **names) for split in ("train", "test"))
    assert red(test.inputs) == [9, 19]
    assert sorted(red(train.targets) + red(test.targets)) == list(range(30))
    with pytest.raises(UserError, match=r"data\.test_b is not set, but its counterpart is"):
        sources.unpaired_folder("test", **names, test_a=tests["test_a"])
    with pytest.raises(UserError, match=r"data\.b is not set"):
        sources.unpaired_folder("train", a=names["a"])
    for given in ({}, {"root": str(tmp_path), **names}):
        with pytest.raises(
            UserError, match=r"give either data\.root=FOLDER, with trainA and trainB in it, or data\.a="
        ):
            sources.unpaired_folder("train", **given)
    with pytest.raises(UserError, match=r"nothing does not exist: .*data\.b=FOLDER"):
        sources.unpaired_folder("train", a=names["a"], b=str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="has neither trainA and trainB nor A and B"):
        sources.unpaired_folder("train", root=str(tmp_path))


def test_a_folder_of_images_with_and_without_splits(tmp_path):
    for name in ("cat/a", "cat/b", "dog/c", "dog/d"):
        save(tmp_path / "whole" / f"{name}.png", picture(0))
        save(tmp_path / "split" / "train" / f"{name}.png", picture(0))
    save(tmp_path / "split" / "test" / "cat" / "e.png", picture(0))
    whole, split = str(tmp_path / "whole"), str(tmp_path / "split")
    assert [len(sources.split_folder(part, whole)) for part in ("train", "test")] == [3, 1]
    assert [len(sources.split_folder(part, split)) for part in ("train", "test")] == [4, 1]
    with pytest.raises(UserError, match="has no split 'val'"):
        sources.split_folder("val", split)


def test_a_source_without_splits_is_divided():
    train, test = (sources.divided(split, sources.digits) for split in ("train", "test"))
    assert (len(train), len(test)) == (1618, 179)
    assert not set(train.numbers) & set(test.numbers)


# Archives


@pytest.fixture
def server(tmp_path):
    """Serves a folder on a free port, with ranges: (folder, address, the Range of each request)."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            path = folder / self.path[1:]
            asked.append(self.headers.get("Range"))
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            first = int(asked[-1].removeprefix("bytes=").removesuffix("-")) if asked[-1] else 0
            if first >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(data) - first))
            self.end_headers()
            broken = folder / "break"
            if broken.exists():
                broken.unlink()
                self.wfile.write(data[first : (first + len(data)) // 2])
                self.close_connection = True
            else:
                self.wfile.write(data[first:])

        def log_message(self, *args):
            """Be quiet."""

    with running(Handler) as address:
        yield folder, f"{address}/", asked


def png(drawn):
    data = io.BytesIO()
    drawn.save(data, format="PNG")
    return data.getvalue()


def tarred(path, files, kind="w:gz"):
    with tarfile.open(path, kind) as tar:
        for name, data in files.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)


FACADES = {f"facades/{split}/{index}.png": png(both(index, 100)) for split in ("train", "test") for index in range(3)}
HORSES = {f"horses/{folder}/{index}.png": png(picture(index)) for folder in ("trainA", "trainB", "testA", "testB")
          for index in range(2)}  # fmt: skip


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_paired_archive_is_downloaded_and_unpacked_once(tmp_path, server, caplog):
    folder, address, asked = server
    tarred(folder / "facades.tar.gz", FACADES)
    settings = {"name": "facades", "root": str(tmp_path / "data"), "url": f"{address}facades.tar.gz"}
    with caplog.at_level(logging.INFO):
        train = sources.paired_archive("train", **settings)
    assert values(train) == [(0, 100), (1, 100), (2, 100)]
    assert f"is {sha256(folder / 'facades.tar.gz')}: set data.source.sha256=…" in caplog.text
    assert len(sources.paired_archive("test", **settings, direction="b2a", download=False)) == 3
    assert len(asked) == 1
    found = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert found == ["facades", "facades.tar.gz"]


def test_an_unpaired_archive_of_another_name_has_its_checksum_checked(tmp_path, server):
    folder, address, _ = server
    zipped(folder / "horses.zip", HORSES)
    settings = {"name": "horse2zebra", "root": str(tmp_path / "data"), "url": f"{address}horses.zip"}
    with pytest.raises(UserError, match=r"horses\.zip has the wrong checksum .*by hand, download from http"):
        sources.unpaired_archive("train", **settings, sha256="0" * 64)
    assert list((tmp_path / "data").iterdir()) == []
    domains = sources.unpaired_archive("test", **settings, sha256=sha256(folder / "horses.zip"))
    assert (len(domains.inputs), len(domains.targets)) == (2, 2)
    assert (tmp_path / "data" / "horse2zebra" / "trainA").is_dir()


def test_an_archive_of_the_users_is_unpacked_without_a_network(tmp_path):
    settings = {"name": "facades", "root": str(tmp_path), "url": "http://127.0.0.1:1/facades.tar.gz"}
    with pytest.raises(UserError, match=r"facades: download failed \(127\.0\.0\.1:1: .*by hand, .*facades\.tar\.gz\."):
        sources.paired_archive("train", **settings)
    tarred(tmp_path / "facades.tar.gz", FACADES)
    assert len(sources.paired_archive("train", **settings)) == 3


def test_a_download_that_broke_off_goes_on(tmp_path, server):
    folder, address, asked = server
    tarred(folder / "facades.tar.gz", FACADES)
    size = (folder / "facades.tar.gz").stat().st_size
    (folder / "break").touch()
    settings = {"name": "facades", "root": str(tmp_path / "data"), "url": f"{address}facades.tar.gz"}
    with pytest.raises(UserError, match=r"connection lost after .*kept: run the command again to resume"):
        sources.paired_archive("train", **settings)
    assert len(sources.paired_archive("train", **settings, sha256=sha256(folder / "facades.tar.gz"))) == 3
    assert asked == [None, f"bytes={size // 2}-"]


def test_a_part_that_is_none_of_the_file_is_not_kept(tmp_path, server):
    folder, address, asked = server
    zipped(folder / "horses.zip", HORSES)
    settings = {"name": "horses", "root": str(tmp_path / "data"), "url": f"{address}horses.zip",
                "sha256": sha256(folder / "horses.zip")}  # fmt: skip
    (folder / "break").touch()
    with pytest.raises(UserError, match="connection lost"):
        sources.unpaired_archive("train", **settings)
    (part,) = (tmp_path / "data").iterdir()
    part.write_bytes(b"x" * part.stat().st_size)
    with pytest.raises(UserError, match="wrong checksum"):
        sources.unpaired_archive("train", **settings)
    assert list((tmp_path / "data").iterdir()) == []
    part.write_bytes(b"x" * 10**5)
    assert len(sources.unpaired_archive("train", **settings).inputs) == 2
    assert asked[-2:] == ["bytes=100000-", None]


@pytest.mark.parametrize(
    "name", ["../evil.png", "/evil.png", "a/../../evil.png", "C:\\evil.png", "a\\..\\..\\evil.png"]
)
@pytest.mark.parametrize(("kind", "make"), [("tar.gz", tarred), ("zip", zipped)])
def test_an_archive_that_leaves_its_folder_is_refused(tmp_path, kind, make, name):
    archive = tmp_path / "deep" / f"archive.{kind}"
    archive.parent.mkdir()
    make(archive, {"good/a.png": b"a", name: b"evil"})
    with pytest.raises(UserError, match="would be written outside the target folder"):
        unpack(archive, tmp_path / "deep" / "out")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [archive.name]
    assert not (tmp_path / "deep" / "out").exists()


def links():
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        info = tarfile.TarInfo("a/link")
        info.type, info.linkname = kind, "/etc/passwd"
        yield info


@pytest.mark.parametrize("info", links(), ids=lambda info: info.type.decode())
def test_links_and_devices_are_refused(tmp_path, info):
    tarred(tmp_path / "a.tar", {"a/b.png": b"b", info: b""}, "w")
    with pytest.raises(UserError, match="'a/link' is neither a file nor a folder"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    link = zipfile.ZipInfo("a/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    zipped(tmp_path / "a.zip", {link: "/etc/passwd"})
    with pytest.raises(UserError, match="'a/link' is neither a file nor a folder"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "make"), [("tar.gz", tarred), ("zip", zipped)])
def test_a_damaged_archive_is_named_and_leaves_nothing(tmp_path, kind, make):
    archive = tmp_path / f"archive.{kind}"
    make(archive, {"a/b.png": np.random.default_rng(0).bytes(10_000)})
    whole = archive.read_bytes()
    for damaged in (whole[:5000], whole[:5000] + b"\xff" * 20 + whole[5020:], b"<html>moved</html>"):
        archive.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"archive\.{kind} is damaged \(.*\): remove it"):
            unpack(archive, tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == [archive.name]


@pytest.mark.parametrize(("kind", "make"), [("tar.gz", tarred), ("zip", zipped)])
def test_archives_with_and_without_a_top_folder(tmp_path, kind, make):
    for name, files in {"one": {"./top/a/b.png": b"b"}, "several": {"a/b.png": b"b", "c.txt": b"c"}}.items():
        archive = tmp_path / f"{name}.{kind}"
        make(archive, files)
        unpack(archive, tmp_path / name)
        assert (tmp_path / name / "a" / "b.png").read_bytes() == b"b"


def test_pairs_of_unequal_size_are_refused_while_decoding():
    from ganexp.data.translation.items import Pair

    with pytest.raises(UserError, match="the input has 6x6 pixels, the target 6x8"):
        PairDecoder(Decoder(6, 3))(Pair(picture(0), picture(0, (6, 8))))
    decoded = PairDecoder(Decoder(6, 1))(Pair(picture(5, mode="L"), picture(9)))
    assert torch.equal(decoded[:, 0, 0], torch.tensor([5, 9], dtype=torch.uint8))


def test_single_pictures_in_the_tests_of_pairs_are_refused_by_name(tmp_path):
    for name in "ab":
        save(tmp_path / "train" / f"{name}.png", both(1, 2))
    save(tmp_path / "test" / "pair.png", both(3, 4))
    save(tmp_path / "test" / "single.png", picture(5))
    with pytest.raises(UserError, match=r"test/single\.png \(6x6\): 1 of 2 test pictures .*12x6.* ganexp translate"):
        sources.paired_folder("test", str(tmp_path))
    with collect_problems() as problems:
        assert values(sources.paired_folder("test", str(tmp_path))) == [(3, 4)]
    assert [problem.where for problem in problems] == [(f"{tmp_path}/test/single.png (6x6)",)]


def test_single_pictures_beside_training_pairs_in_two_folders_are_refused_too(tmp_path):
    for side in "AB":
        save(tmp_path / f"train{side}" / "a.png", picture(1))
    save(tmp_path / "test" / "single.png", picture(5))
    with pytest.raises(UserError, match=r"single\.png \(6x6\)"):
        sources.paired_folder("test", str(tmp_path))


def test_tests_of_another_shape_are_warned_of(tmp_path, caplog):
    save(tmp_path / "train" / "a.png", both(1, 2))
    save(tmp_path / "test" / "long.png", both(3, 4, size=(12, 6)))
    assert len(sources.paired_folder("test", str(tmp_path))) == 1
    assert "long.png (24x6): 1 of 1 test pictures are shaped unlike the training pairs (12x6)" in caplog.text
