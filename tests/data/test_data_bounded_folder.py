"""The folder that row groups are kept in: bounded, shared, and never a reason for other batches."""

import os
import random
from itertools import islice
from multiprocessing import get_context

import pytest
from filelock import FileLock

from ganexp.data.streaming.bounded_folder import BoundedFolder

pytest.importorskip("pyarrow")
streams = pytest.importorskip("support.streams")

EPOCH = 6
"""Batches of four of all images."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return streams.write_files(tmp_path_factory.mktemp("stream"))


def size_of(folder):
    """Return the bytes of a folder's files, and of the largest, while nobody changes them."""
    with FileLock(folder / "folder.lock"):
        sizes = [path.stat().st_size for path in folder.iterdir() if not path.suffix]
    return sum(sizes), max(sizes, default=0)


def reader(content, made=None):
    """Return a function that makes a file, and one that reads it."""
    made = [] if made is None else made
    return lambda path: made.append(content) or path.write_bytes(content), lambda path: path.read_bytes()


def test_files_take_at_most_the_limit_and_those_used_longest_ago_give_way(tmp_path):
    kept = BoundedFolder(tmp_path, 25)
    made = []

    def read(key):
        return kept.read(key, *reader(key.encode() * 10, made))

    for key in "ab":
        read(key)
    for age, path in enumerate(tmp_path.glob("*[!k]")):
        os.utime(path, (age, age))
    assert read("a") == b"a" * 10
    read("c")
    assert [content[:1] for content in made] == [b"a", b"b", b"c"]
    read("a")
    assert len(made) == 3
    read("b")
    assert [content[:1] for content in made] == [b"a", b"b", b"c", b"b"]
    assert size_of(tmp_path) == (20, 10)
    # One that is larger by itself stays alone.
    kept.read("large", *reader(bytes(30)))
    assert size_of(tmp_path) == (30, 30)


def test_a_file_that_gives_way_before_it_is_opened_is_made_again(tmp_path):
    kept = BoundedFolder(tmp_path, 100)
    made = []
    make, read = reader(b"content", made)
    kept.read("key", make, read)
    evicted = []

    def read_late(path):
        if not evicted:
            evicted.append(path.unlink())
        return read(path)

    assert kept.read("key", make, read_late) == b"content"
    assert len(made) == 2


def test_what_a_killed_process_left_unfinished_is_removed_but_not_what_another_one_is_making(tmp_path):
    kept = BoundedFolder(tmp_path, 100)
    for name in ("aa1", "bb2"):
        (tmp_path / f"{name}.unfinished").write_bytes(b"part")
    with FileLock(tmp_path / "bb.lock"):
        kept.read("key", *reader(b"content"))
    assert [path.name for path in tmp_path.glob("*.unfinished")] == ["bb2.unfinished"]


class Watched(streams.Files):
    """Files that note the bytes of a folder whenever something is downloaded."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.seen = []

    def open(self, path, **options):
        if self.folder.exists():
            self.seen.append(size_of(self.folder)[0])
        return super().open(path, **options)


@pytest.mark.parametrize("workers", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_an_epoch_that_does_not_fit_has_the_same_batches_and_stays_within_the_limit(files, tmp_path, workers):
    roomy = streams.stream(files, tmp_path / "roomy", window=1)
    expected = list(islice(streams.batches_of(roomy), 2 * EPOCH))
    limit = 3 * size_of(tmp_path / "roomy")[1]
    filesystem = Watched(tmp_path / "tight")
    pictures = streams.stream(files, tmp_path / "tight", filesystem, limit=limit, window=1, prefetched=1)
    first = pictures._table(0)
    read = []
    for batch in islice(streams.batches_of(pictures, workers), 2 * EPOCH):
        read.append(batch)
        filesystem.seen.append(size_of(tmp_path / "tight")[0])
    assert read == expected
    assert max(filesystem.seen) <= limit < size_of(tmp_path / "roomy")[0]
    # What is mapped stays readable, whoever has removed it.
    assert first.column("label").to_pylist() == [0, 1, 2, 0, 1]
    if not workers:
        assert len(filesystem.opened) > 2 + len(streams.ROWS)


def hammer(folder, seed):
    kept = BoundedFolder(folder, 250)
    rng = random.Random(seed)
    for _ in range(300):
        key = rng.choice("abcdef")
        assert kept.read(key, *reader(key.encode() * 100)) == key.encode() * 100


@pytest.mark.slow
def test_processes_that_take_each_others_room_read_whole_files(tmp_path):
    processes = [get_context("fork").Process(target=hammer, args=(tmp_path, seed)) for seed in range(4)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        if (tmp_path / "folder.lock").exists():
            assert size_of(tmp_path)[0] <= 250
        processes[0].join(0.01)
    assert [process.exitcode for process in processes] == [0] * 4
