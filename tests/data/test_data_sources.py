import gzip
import hashlib
import pickle
import struct
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

from ganexp.data import sources
from ganexp.data.decoding import Decoder
from ganexp.data.disk import OnDisk
from ganexp.data.loading import training_loader
from ganexp.errors import UserError
from ganexp.files.cache import cache_folder

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("GANEXP_CACHE", str(folder))
    return folder


def md5(data):
    return hashlib.md5(data).hexdigest()


def idx_files(prefix, number=6):
    rng = np.random.default_rng(len(prefix))
    images = rng.integers(0, 256, (number, 28, 28), dtype=np.uint8)
    labels = np.arange(number, dtype=np.uint8) % 10
    packed = {
        f"{prefix}-images-idx3-ubyte.gz": struct.pack(">IIII", 0x803, number, 28, 28) + images.tobytes(),
        f"{prefix}-labels-idx1-ubyte.gz": struct.pack(">II", 0x801, number) + labels.tobytes(),
    }
    return {name: gzip.compress(data, mtime=0) for name, data in packed.items()}, images, labels


@pytest.fixture
def tiny_mnist(monkeypatch, server):
    """A tiny MNIST behind a server; returns (server, images, labels) of the test split."""
    folder, address, _ = server
    files, images, labels = idx_files("t10k")
    files |= idx_files("train")[0]
    for name, data in files.items():
        (folder / name).write_bytes(data)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.MNIST, "resources", [(name, md5(data)) for name, data in files.items()])
    return server, images, labels


def check_tiny(pictures, images, labels):
    assert len(pictures) == len(images)
    for index, (image, label) in enumerate(pictures[i] for i in range(len(pictures))):
        np.testing.assert_array_equal(np.asarray(image), images[index])
        assert label == labels[index]
    assert len(pictures.classes) == 10


def test_mnist_is_downloaded_once_and_only_the_split(tmp_path, tiny_mnist, capfd):
    (_, _, asked), images, labels = tiny_mnist
    for _ in range(2):
        check_tiny(sources.mnist(str(tmp_path / "data"), "test"), images, labels)
    assert sorted(asked) == ["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]
    found = {path.name for path in (tmp_path / "data" / "MNIST" / "raw").iterdir()}
    packed = {name[1:] for name in asked}
    assert found == packed | {name.removesuffix(".gz") for name in packed}
    assert capfd.readouterr() == ("", "")
    sources.mnist(str(tmp_path / "data"), "test", download=False)


def test_packed_files_in_a_read_only_folder_are_unpacked_in_the_cache(tmp_path, tiny_mnist, cache):
    (served, _, asked), images, labels = tiny_mnist
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in served.glob("t10k*"):
        (raw / path.name).write_bytes(path.read_bytes())
    raw.chmod(0o555)
    try:
        check_tiny(sources.mnist(str(tmp_path / "data"), "test", download=False), images, labels)
        assert {path.suffix for path in raw.iterdir()} == {".gz"}
    finally:
        raw.chmod(0o755)
    assert len(list((cache / "data" / "MNIST" / "raw").iterdir())) == 2
    assert asked == []


def test_a_wrong_checksum_is_refused_and_leaves_nothing(tmp_path, tiny_mnist):
    (served, _, _), _, _ = tiny_mnist
    (served / "t10k-images-idx3-ubyte.gz").write_bytes(b"<html>moved</html>")
    with pytest.raises(UserError, match=r"wrong checksum.*by hand, .*t10k-images-idx3-ubyte\.gz \(md5 ") as caught:
        sources.mnist(str(tmp_path / "data"), "test")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "data" / "MNIST" / "raw").iterdir()) == []


def test_a_broken_archive_of_the_user_is_replaced_or_named(tmp_path, tiny_mnist):
    _, images, labels = tiny_mnist
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "t10k-images-idx3-ubyte.gz").write_bytes(b"half")
    with pytest.raises(UserError, match="files with a wrong checksum and download=false"):
        sources.mnist(str(tmp_path / "data"), "test", download=False)
    check_tiny(sources.mnist(str(tmp_path / "data"), "test"), images, labels)


def test_damaged_unpacked_files_are_named(tmp_path, tiny_mnist):
    sources.mnist(str(tmp_path / "data"), "test")
    (tmp_path / "data" / "MNIST" / "raw" / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0\0")
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte .*is damaged"):
        sources.mnist(str(tmp_path / "data"), "test")


def test_server_errors_and_no_server_tell_how_to_do_it_by_hand(tmp_path, tiny_mnist, monkeypatch):
    (served, _, _), _, _ = tiny_mnist
    (served / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"HTTP 404.*t10k-labels"):
        sources.mnist(str(tmp_path / "a"), "test")
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:1/"])
    with pytest.raises(UserError) as caught:
        sources.mnist(str(tmp_path / "b"), "test")
    message = str(caught.value)
    assert message.startswith("MNIST (test): download failed (127.0.0.1:1: ")
    for part in ("refused", "from http://127.0.0.1:1/", f"{tmp_path}/b/MNIST/raw", *map(str, served.glob("t10k*"))):
        assert part.replace(f"{served}/", "") in message


def test_mirrors_are_tried_in_turn(tmp_path, tiny_mnist, monkeypatch):
    (_, address, _), images, labels = tiny_mnist
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:1/", address])
    check_tiny(sources.mnist(str(tmp_path / "data"), "test"), images, labels)


def test_fashion_mnist_has_its_own_folder_and_classes(tmp_path, tiny_mnist, monkeypatch):
    (_, address, _), images, _ = tiny_mnist
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.FashionMNIST, "resources", datasets.MNIST.resources)
    pictures = sources.fashion_mnist(str(tmp_path / "data"), "test")
    assert pictures.classes[9] == "Ankle boot"
    np.testing.assert_array_equal(pictures.images, images)
    assert (tmp_path / "data" / "FashionMNIST" / "raw").is_dir()


@pytest.mark.skipif(not (SHARED / "MNIST").is_dir(), reason="the real MNIST files are not beside the project")
def test_real_mnist_from_packed_files():
    pictures = sources.mnist(str(SHARED), "test", download=False)
    assert len(pictures) == 10_000
    assert np.bincount(pictures.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert pictures[0][1] == 7
    assert pictures[0][0].size == (28, 28)


def test_cifar10(tmp_path, server, monkeypatch):
    folder, address, asked = server
    rng = np.random.default_rng(0)
    contents, lists = {}, {"train": [], "test": []}
    for name, split in (("data_batch_1", "train"), ("data_batch_2", "train"), ("test_batch", "test")):
        batch = {"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [0, 1, 0, 1]}
        contents[name] = pickle.dumps(batch)
        lists[split].append([name, md5(contents[name])])
    contents["batches.meta"] = pickle.dumps({"label_names": ["plane", "car"]})
    with tarfile.open(folder / "cifar.tar.gz", "w:gz") as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(data)
            tar.addfile(info, BytesIO(data))
    for key, value in {
        "train_list": lists["train"],
        "test_list": lists["test"],
        "meta": {"filename": "batches.meta", "key": "label_names", "md5": md5(contents["batches.meta"])},
        "url": f"{address}cifar.tar.gz",
        "filename": "cifar.tar.gz",
        "tgz_md5": md5((folder / "cifar.tar.gz").read_bytes()),
    }.items():
        monkeypatch.setattr(datasets.CIFAR10, key, value)
    train = sources.cifar10(str(tmp_path / "data"))
    test = sources.cifar10(str(tmp_path / "data"), "test", download=False)
    assert (len(train), len(test), train.classes) == (8, 4, ["plane", "car"])
    assert train[0][0].mode == "RGB"
    assert asked == ["/cifar.tar.gz"]
    with pytest.raises(UserError, match=r"CIFAR-10 \(test\): files missing and download=false.*cifar.tar.gz"):
        sources.cifar10(str(tmp_path / "other"), "test", download=False)


def test_stl10(tmp_path, server, monkeypatch):
    folder, address, asked = server
    rng = np.random.default_rng(0)
    images = {
        name: rng.integers(0, 256, (n, 3, 96, 96), dtype=np.uint8) for name, n in (("train", 3), ("unlabeled", 2))
    }
    contents = {f"{name}_X.bin": pictures.tobytes() for name, pictures in images.items()}
    contents |= {"test_X.bin": contents["train_X.bin"], "train_y.bin": b"\1\2\1", "test_y.bin": b"\2\2\1"}
    with tarfile.open(folder / "stl.tar.gz", "w:gz") as tar:
        for name, data in (contents | {"class_names.txt": b"airplane\nbird\n"}).items():
            info = tarfile.TarInfo(f"stl10_binary/{name}")
            info.size = len(data)
            tar.addfile(info, BytesIO(data))
    train_list = [[name, md5(contents[name])] for name in ("train_X.bin", "train_y.bin", "unlabeled_X.bin")]
    for key, value in {
        "train_list": train_list,
        "test_list": [[name, md5(contents[name])] for name in ("test_X.bin", "test_y.bin")],
        "url": f"{address}stl.tar.gz",
        "filename": "stl.tar.gz",
        "tgz_md5": md5((folder / "stl.tar.gz").read_bytes()),
    }.items():
        monkeypatch.setattr(datasets.STL10, key, value)
    unlabeled = sources.stl10(str(tmp_path / "data"))
    train = sources.stl10(str(tmp_path / "data"), "train", download=False)
    assert (len(unlabeled), unlabeled.classes) == (2, [])
    assert (train.labels.tolist(), train.classes) == ([0, 1, 0], ["airplane", "bird"])
    # The files hold columns of pixels.
    assert np.array_equal(np.asarray(train[1][0]), images["train"][1].transpose(2, 1, 0))
    assert asked == ["/stl.tar.gz"]


def test_svhn(tmp_path, server, monkeypatch):
    folder, address, _ = server
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 5), dtype=np.uint8)
    savemat(folder / "test_32x32.mat", {"X": images, "y": np.array([[1], [10], [3], [4], [5]], dtype=np.uint8)})
    entry = [f"{address}test_32x32.mat", "test_32x32.mat", md5((folder / "test_32x32.mat").read_bytes())]
    monkeypatch.setitem(datasets.SVHN.split_list, "test", entry)
    pictures = sources.svhn(str(tmp_path / "data"), "test")
    np.testing.assert_array_equal(np.asarray(pictures[1][0]), images[..., 1])
    assert pictures.labels.tolist() == [1, 0, 3, 4, 5]
    assert len(pictures.classes) == 10


@pytest.fixture
def tiny_celeba(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = ["1.jpg", "2.jpg", "3.jpg"]
    for name in names:
        Image.new("RGB", (178, 218)).save(folder / "img_align_celeba" / name)
    texts = {
        "list_attr_celeba.txt": "3\nSmiling Young\n1.jpg 1 -1\n2.jpg -1 1\n3.jpg 1 1\n",
        "identity_CelebA.txt": "1.jpg 1\n2.jpg 2\n3.jpg 3\n",
        "list_bbox_celeba.txt": "3\nimage x\n1.jpg 0\n2.jpg 0\n3.jpg 0\n",
        "list_landmarks_align_celeba.txt": "3\nx\n1.jpg 0\n2.jpg 0\n3.jpg 0\n",
        "list_eval_partition.txt": "1.jpg 0\n2.jpg 0\n3.jpg 2\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    listed = [("id", md5(text.encode()), name) for name, text in texts.items()]
    monkeypatch.setattr(datasets.CelebA, "file_list", [("id", "0" * 32, "img_align_celeba.zip"), *listed])
    return str(tmp_path / "data")


def test_celeba(tiny_celeba):
    train = sources.celeba(tiny_celeba, download=False)
    assert (len(train), train.classes) == (2, [])
    assert train[0][0].size == (178, 218)
    young = sources.celeba(tiny_celeba, attribute="Young", split="all")
    assert [young[i][1] for i in range(3)] == [0, 1, 1]
    assert young.classes == ["not Young", "Young"]
    with pytest.raises(UserError, match=r"no attribute 'Tall'.*=Smiling\|Young"):
        sources.celeba(tiny_celeba, attribute="Tall")


def test_celeba_that_cannot_be_downloaded(tmp_path, monkeypatch, capfd):
    class Gdown:
        @staticmethod
        def download(**kwargs):
            print("chatter")
            raise OSError("quota\nexceeded")

    monkeypatch.setitem(sys.modules, "gdown", Gdown)
    monkeypatch.setattr("ganexp.data.sources.faces.find_spec", lambda name: True)
    with pytest.raises(UserError, match=r"download failed \(quota exceeded\).*img_align_celeba.zip \(md5 "):
        sources.celeba(str(tmp_path))
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr("ganexp.data.sources.faces.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install 'ganexp\\[celeba\\]'"):
        sources.celeba(str(tmp_path))
    with pytest.raises(UserError, match="download=false"):
        sources.celeba(str(tmp_path), download=False)


@pytest.fixture
def tiny_lsun(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    folder = tmp_path / "data" / "bedroom_val_lmdb"
    folder.mkdir(parents=True)
    with lmdb.open(str(folder)) as base, base.begin(write=True) as transaction:
        for number in range(6):
            out = BytesIO()
            Image.new("RGB", (16, 12), (number, 0, 0)).save(out, "webp", lossless=True)
            transaction.put(f"key{number}".encode(), out.getvalue())
    return str(tmp_path / "data")


def test_lsun_opened_twice_and_in_workers(tiny_lsun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    pictures = sources.lsun_bedroom(tiny_lsun, "val")
    again = sources.lsun_bedroom(tiny_lsun, "val")
    assert (len(pictures), list(pictures.classes), pictures.name(2)) == (6, [], "bedroom_val_lmdb:key2")
    assert [again[i][0].getpixel((0, 0))[0] for i in range(6)] == list(range(6))
    loader = training_loader(OnDisk(pictures, Decoder(12, 3), False), 6, 0, None, workers=2)
    batches = iter(loader)
    for _ in range(3):
        assert sorted(next(batches)["image"][:, 0, 0, 0].tolist()) == list(range(6))
    assert pictures[5][0].size == (16, 12)
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {"cache"}


def test_lsun_that_is_missing_damaged_or_without_lmdb(tiny_lsun, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"bedroom_train_lmdb\.zip"):
        sources.lsun_bedroom(tiny_lsun)
    broken = tmp_path / "broken" / "bedroom_val_lmdb"
    broken.mkdir(parents=True)
    (broken / "data.mdb").write_bytes(b"x" * 10_000)
    with pytest.raises(UserError, match="not a complete LMDB database"):
        sources.lsun_bedroom(str(broken.parent), "val")
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(UserError, match="pip install 'ganexp\\[lsun\\]'"):
        sources.lsun_bedroom(tiny_lsun, "val")


def test_imagenet(tmp_path):
    folder = tmp_path / "imagenet"
    for wnid in ("n01", "n02"):
        (folder / "val" / wnid).mkdir(parents=True)
        Image.new("RGB", (20, 10)).save(folder / "val" / wnid / "a.JPEG", "jpeg")
    torch.save(({"n01": ("tench", "Tinca tinca"), "n02": ("goldfish",)}, ["n01", "n02"]), folder / "meta.bin")
    pictures = sources.imagenet(str(tmp_path), "val")
    assert pictures.classes == ["tench", "goldfish"]
    assert [pictures[i][1] for i in range(2)] == [0, 1]
    with pytest.raises(UserError, match=r"account.*data=image_folder.*img_train\.tar \(md5 .*devkit"):
        sources.imagenet(str(tmp_path), "train")


def test_digits_are_real():
    pictures = sources.digits()
    assert len(pictures) == 1797
    assert pictures.classes == [str(i) for i in range(10)]
    assert np.bincount(pictures.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    image, label = pictures[0]
    assert (image.size, image.mode, label) == ((8, 8), "L", 0)
    # The first image's first row is 0 0 5 13 9 1 0 0 of 16.
    assert np.asarray(image)[0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert np.unique(pictures.images).tolist() == [round(level * 255 / 16) for level in range(17)]


@pytest.mark.parametrize(
    "source",
    [
        sources.mnist,
        sources.fashion_mnist,
        sources.cifar10,
        sources.svhn,
        sources.stl10,
        sources.celeba,
        sources.imagenet,
    ],
)
def test_unknown_splits_are_refused_with_the_known_ones(source, tmp_path):
    with pytest.raises(UserError, match=r"no split 'all of it': data\.source\.split=train\|"):
        source(str(tmp_path), split="all of it")


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "own"))
    assert cache_folder("a") == tmp_path / "own" / "a"
    monkeypatch.delenv("GANEXP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "ganexp"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "ganexp"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match="set GANEXP_CACHE"):
        cache_folder()
