import multiprocessing
import os
import threading

import pytest
import torch
from torch import nn

from ganexp.data.memory import InMemory
from ganexp.errors import UserError
from ganexp.files.weights import checksum_of
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import CachedReference, RealImages, concatenated
from ganexp.metrics.store import cached
from support.two_ranks import start_method

CPU = torch.device("cpu")


class Counted(Extractor):
    """The pixels, times a factor; it counts the images it sees."""

    def __init__(self, factor=1):
        super().__init__(nn.Flatten(), {"factor": factor})
        self.factor = factor
        self.seen = 0

    def outputs(self, images):
        self.seen += len(images)
        return {"features": self.network(images).double() * self.factor}


def real(number=150, most=None, checksum="some", labelled=False, seed=0):
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (number, 1, 2, 2), dtype=torch.uint8, generator=draws)
    labels = torch.arange(number) if labelled else None
    return RealImages(InMemory(images, labels), checksum, most, seed)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "references"


def test_all_images_or_a_fixed_choice():
    everything, some, again = real(), real(most=20), real(most=20)
    assert (everything.count, some.count, real(most=151).count) == (150, 20, 150)
    assert everything.shape == (1, 2, 2)
    assert torch.equal(torch.cat(list(everything.batches(64))), everything.dataset.images)
    assert [len(batch) for batch in some.batches(8)] == [8, 8, 4]
    assert torch.equal(torch.cat(list(some.batches(8))), torch.cat(list(again.batches(7))))
    assert some.chosen.tolist() == sorted(set(some.chosen.tolist()))
    assert torch.equal(some.at(torch.tensor([3])), everything.at(some.chosen[3:4]))
    assert not torch.equal(some.chosen, real(most=20, seed=1).chosen)


def test_too_few_are_refused():
    with pytest.raises(UserError, match="1 real images are too few"):
        real(most=1)


def test_labels_are_those_of_the_choice():
    assert real().labels() is None
    some = real(most=20, labelled=True)
    assert torch.equal(some.labels(), some.chosen)


def test_fingerprints_follow_data_and_choice():
    alike = {real().fingerprint, real().fingerprint, real(most=150).fingerprint}
    others = {real(most=20).fingerprint, real(most=20, seed=1).fingerprint, real(checksum="others").fingerprint}
    assert len(alike) == 1
    assert len(alike | others) == 4


def test_features_and_moments_are_computed_once_and_agree():
    images, extractor = real(), Counted()
    pixels = images.dataset.images.flatten(1).double()
    for _ in range(2):
        reference = CachedReference(images, extractor, CPU)
        moments, features = reference.moments(), reference.features()
        assert reference.moments() is moments
        assert extractor.seen == 300
        assert features.dtype == torch.float32
        assert torch.equal(features, pixels.float())
        assert moments.count == 150
        torch.testing.assert_close(moments.mean, pixels.mean(0))
        torch.testing.assert_close(moments.covariance, pixels.T.cov())


def test_batches_of_any_size_are_joined_in_order():
    rows = torch.rand(10, 3)
    for size in (1, 4, 10):
        assert torch.equal(concatenated(iter(rows.split(size)), 10), rows)


def test_moments_come_from_features_that_are_there():
    extractor = Counted()
    reference = CachedReference(real(), extractor, CPU)
    reference.features()
    reference.moments()
    assert extractor.seen == 150


def test_nothing_is_shared_between_different_images_or_extractors(cache):
    for images, extractor in ((real(), Counted()), (real(most=20), Counted()), (real(), Counted(2))):
        expected = extractor(torch.cat(list(images.batches(64))))["features"]
        assert torch.equal(CachedReference(images, extractor, CPU).features(), expected)
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole, start: whole[:-100],
        lambda whole, start: whole[:100],
        lambda whole, start: b"",
        lambda whole, start: b"foreign",
        lambda whole, start: whole[:start] + bytes([whole[start] ^ 1]) + whole[start + 1 :],
    ],
    ids=["truncated", "cut to a stub", "empty", "foreign", "one bit of a feature"],
)
def test_a_damaged_file_is_noticed_and_made_anew(cache, damage, caplog):
    extractor = Counted()
    features = CachedReference(real(), extractor, CPU).features()
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole, whole.index(features.numpy().tobytes()[:40])))
    assert torch.equal(CachedReference(real(), extractor, CPU).features(), features)
    assert extractor.seen == 300
    assert path.read_bytes() == whole
    assert len(caplog.records) == 1
    assert "recomputing it" in caplog.text


def test_another_keys_file_and_torch_files_of_others_are_made_anew(cache, caplog):
    extractor = Counted()
    CachedReference(real(checksum="others"), extractor, CPU).features()
    (other,) = cache.iterdir()
    features = CachedReference(real(), extractor, CPU).features()
    (path,) = set(cache.iterdir()) - {other}
    path.write_bytes(other.read_bytes())
    assert torch.equal(CachedReference(real(), extractor, CPU).features(), features)
    torch.save({"key": path.stem, "content": {"features": features + 1}}, path)
    assert torch.equal(CachedReference(real(), extractor, CPU).features(), features)
    torch.save(features, path)
    assert torch.equal(CachedReference(real(), extractor, CPU).features(), features)
    assert len(caplog.records) == 3


def test_a_cache_that_cannot_be_written_is_done_without(cache, caplog, monkeypatch):
    extractor = Counted()
    features = CachedReference(real(), extractor, CPU).features()
    cache.chmod(0o555)
    try:
        assert torch.equal(CachedReference(real(), extractor, CPU).features(), features)
        assert extractor.seen == 150
        moments = CachedReference(real(), extractor, CPU).moments()
        assert extractor.seen == 300
        assert len(caplog.records) == 1
        assert "not writable" in caplog.text
    finally:
        cache.chmod(0o755)
    monkeypatch.setenv("GANEXP_CACHE", str(next(cache.iterdir()) / "below a file"))
    assert torch.equal(CachedReference(real(), extractor, CPU).moments().mean, moments.mean)
    assert len(caplog.records) == 2


def test_a_full_disk_is_told_and_done_without(cache, caplog, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert len(CachedReference(real(), Counted(), CPU).features()) == 150
    assert "No space left" in caplog.text
    assert list(cache.iterdir()) == []


def test_threads_that_ask_at_once_compute_once():
    extractor = Counted()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(CachedReference(real(), extractor, CPU).features()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert extractor.seen == 150
    assert all(torch.equal(found[0], other) for other in found)


def keep_slowly(barrier, results):
    barrier.wait()
    results.put(cached("references", "key", lambda: {"by": multiprocessing.current_process().name})["by"])


def test_processes_that_ask_at_once_compute_once(cache):
    context = multiprocessing.get_context(start_method())
    barrier, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=keep_slowly, args=(barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    makers = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(makers) == 1
    assert [path.name for path in cache.iterdir()] == ["key.pt"]


def test_checksums_follow_names_shapes_types_and_values_only():
    a, b = torch.arange(4.0), torch.tensor(1)
    known = checksum_of({"a": a, "b": b})
    assert checksum_of({"b": b.clone(), "a": torch.stack([a, a])[1]}) == known
    assert checksum_of({"a": a.expand(2, 4)}) == checksum_of({"a": a.repeat(2, 1)})
    assert len(known) == 32
    others = [
        {"a": a},
        {"a": a, "c": b},
        {"a": a.view(2, 2), "b": b},
        {"a": a.int(), "b": b},
        {"a": a, "b": b + 1},
        {"a": a, "b": 1},
        {"a": {"a": a}, "b": b},
    ]
    assert len({known, *map(checksum_of, others)}) == 8


class Malicious:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_code_in_the_cache_is_never_run(cache, tmp_path):
    CachedReference(real(), Counted(), CPU).features()
    (path,) = cache.iterdir()
    torch.save({"key": path.stem, "content": Malicious(str(tmp_path / "run"))}, path)
    assert len(CachedReference(real(), Counted(), CPU).features()) == 150
    assert not (tmp_path / "run").exists()
