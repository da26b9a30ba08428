"""What pictures need is fetched before they are due, while batches that need no more go on."""

import threading
import time
from itertools import count, islice
from pathlib import Path

import pytest

from ganexp.data.streaming import connection
from ganexp.data.streaming.connection import ConnectionLost
from ganexp.data.streaming.prefetch import Prefetch, PrefetchedBatches
from support.hub_server import serving

pytest.importorskip("pyarrow")
streams = pytest.importorskip("support.streams")

PATIENCE_SECONDS = 60


class Network:
    """Notes which parts are asked for, and answers when it may."""

    def __init__(self, fails=()):
        self.changed = threading.Condition()
        self.begun = []
        self.answered = 0
        self.may_answer = 0
        self.fails = dict(fails)

    def fetch(self, part):
        with self.changed:
            self.begun.append(part)
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.answered < self.may_answer, PATIENCE_SECONDS)
            self.answered += 1
            self.changed.notify_all()
        if part in self.fails:
            raise self.fails[part]

    def answer(self, number):
        with self.changed:
            self.may_answer += number
            self.changed.notify_all()

    def asked(self, number):
        """Return the parts asked for, as soon as there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.begun) >= number, PATIENCE_SECONDS)
            return list(self.begun)


def in_order(network, pictures, threads):
    """Return batches of two of pictures in order, of which parts have four each."""
    batches = ([(2 * number, 2 * number), (2 * number + 1, 2 * number + 1)] for number in count())
    return iter(PrefetchedBatches(batches, 2, Prefetch(pictures, threads, lambda index: index // 4, network.fetch)))


def test_the_next_parts_are_asked_for_while_the_present_one_is_used():
    network = Network()
    batches = in_order(network, pictures=12, threads=2)
    try:
        # Nothing has been answered, and the first batch is there; two parts are asked for at once, no more.
        assert next(batches) == [(0, 0), (1, 1)]
        assert sorted(network.asked(2)) == [0, 1]
        network.answer(1)
        assert sorted(network.asked(3)) == [0, 1, 2]
        # 12 pictures ahead are three parts: the next one is asked for when the present one has been used up.
        network.answer(10)
        assert next(batches) == [(2, 2), (3, 3)]
        assert sorted(network.asked(4)) == [0, 1, 2, 3]
        for used in range(2, 8):
            next(batches)
            assert sorted(network.asked(used // 2 + 4))[: used // 2 + 4] == list(range(used // 2 + 4))
        assert len(network.begun) == len(set(network.begun))
    finally:
        network.answer(100)
        batches.close()


def test_the_error_of_a_part_comes_when_its_first_picture_is_due():
    lost = ConnectionLost("the connection failed")
    network = Network({1: lost, 2: OSError("no space left")})
    network.answer(100)
    batches = in_order(network, pictures=12, threads=1)
    assert [next(batches)[0][0] for _ in range(2)] == [0, 2]
    network.asked(3)  # by the only thread, so that it has done with part 1
    with pytest.raises(ConnectionLost) as raised:
        next(batches)
    assert raised.value is lost
    # Whoever reads a picture names it with an error of another kind.
    network = Network({1: OSError("no space left")})
    network.answer(100)
    assert [batch[0][0] for batch in islice(in_order(network, pictures=12, threads=1), 4)] == [0, 2, 4, 6]


class Unplugged(streams.Files):
    """Files whose connection is lost after a number of openings."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def open(self, path, **options):
        self.fails = 1 if len(self.opened) >= self.after else 0
        return super().open(path, **options)


def test_prefetched_batches_and_errors_are_those_of_the_foreground(tmp_path, monkeypatch):
    monkeypatch.setattr(connection.time, "sleep", lambda _: None)
    files = streams.write_files(tmp_path)

    def read(prefetched, filesystem=None):
        pictures = streams.stream(files, tmp_path / f"{prefetched} {filesystem}", filesystem, prefetched=prefetched)
        batches = streams.batches_of(pictures)
        return [next(batches) for _ in range(12)]

    assert read(0) == read(1) == read(4)
    lines = []
    for prefetched in (0, 2):
        with pytest.raises(ConnectionLost) as raised:
            read(prefetched, Unplugged(after=4))
        lines.append(str(raised.value).replace("train-1", "train-0"))
    assert lines[0] == lines[1]
    assert len(lines[0].splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("prefetched", [0, 2])
def test_a_slow_server_is_asked_for_row_groups_while_batches_are_used(tmp_path, prefetched):
    fsspec, _ = pytest.importorskip("fsspec"), pytest.importorskip("aiohttp")
    (file, _) = streams.write_files(tmp_path)
    content = Path(file).read_bytes()
    with serving({"owner/name": {"train.parquet": content}}) as hub:
        hub.delay = 0.02
        address = f"{hub.address}/datasets/owner/name/resolve/main/train.parquet"
        filesystem = fsspec.filesystem("http", skip_instance_cache=True)
        pictures = streams.stream([address], tmp_path / "kept", filesystem, window=1, prefetched=prefetched)

        def sent():
            return len([end for _, _, end in hub.read if end < len(content)])

        batches = streams.batches_of(pictures)
        used = []
        for _ in range(3):
            next(batches)
            # Nobody asks for a batch now: what comes in addition is fetched in the background.
            deadline = time.monotonic() + (PATIENCE_SECONDS if prefetched else 0.2)
            while sent() < 3 and time.monotonic() < deadline:
                time.sleep(0.01)
            used.append((len(pictures._open), sent()))
    opened = [groups for groups, _ in used]
    assert used == [(groups, 3 if prefetched else groups) for groups in opened]
    assert opened[0] < 3
