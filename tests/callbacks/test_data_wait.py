"""A run whose data are slow says so: in the progress line, once in the log, and in its summary."""

import itertools
import logging
import time
from types import SimpleNamespace

import pytest

from ganexp.callbacks import data_wait
from ganexp.callbacks.data_wait import DataWait
from ganexp.callbacks.progress import ImageProgress
from ganexp.callbacks.summary import Summary
from ganexp.data.loading import endless_loader
from ganexp.data.timed_loader import TimedLoader
from ganexp.records import summary
from support.tiny import Pictures, fit, make_gan


class SlowPictures(Pictures):
    """Each batch takes far longer to read than to train on."""

    def train_dataloader(self):
        batches = super().train_dataloader()
        return endless_loader(Slow(batches.dataset), batches.batch_sampler)


class Slow:
    def __init__(self, pictures):
        self.pictures = pictures

    def __getitems__(self, indices):
        time.sleep(0.05)
        return self.pictures.__getitems__(indices)


def test_a_loader_measures_what_its_batches_are_waited_for():
    loader = endless_loader(Sleeping(), itertools.repeat([0]))
    batches = iter(loader)
    for _ in range(3):
        assert next(batches) == "batch"
    time.sleep(0.1)
    assert 0.06 <= loader.waited_seconds < 0.1


class Sleeping:
    def __getitems__(self, indices):
        time.sleep(0.02)
        return "batch"


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(time, "perf_counter", lambda: now.seconds)
    return now


def run(wait, trainer, clock, seconds, share):
    for _ in range(seconds):
        clock.seconds += 1
        trainer.train_dataloader.waited_seconds += share
        wait.update(trainer)


def test_the_share_is_that_of_the_last_window_and_is_logged_once(clock, caplog):
    trainer = SimpleNamespace(train_dataloader=SimpleNamespace(waited_seconds=7.0), is_global_zero=True)
    wait = DataWait()
    wait.start(trainer)
    assert wait.text() == ""
    with caplog.at_level(logging.INFO, data_wait.__name__):
        run(wait, trainer, clock, 100, 0.1)
        assert (wait.text(), caplog.messages) == ("", [])
        run(wait, trainer, clock, 100, 0.38)
    assert wait.text() == "waiting for data 38 %"
    (message,) = caplog.messages
    assert "of the last 30 s" in message
    assert "data.workers" in message
    assert wait.total_share(trainer) == pytest.approx(0.24)


def test_other_loaders_are_not_measured(clock):
    trainer, wait = SimpleNamespace(train_dataloader=[1, 2], is_global_zero=True), DataWait()
    wait.start(trainer)
    clock.seconds += 100
    wait.update(trainer)
    assert (wait.text(), wait.total_share(trainer)) == ("", None)


def test_a_run_with_slow_data_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(data_wait, "WINDOW_SECONDS", 0.2)
    monkeypatch.setattr(data_wait, "MARK_SECONDS", 0.0)
    monkeypatch.setattr(data_wait, "SHOWN_FROM", 0.05)
    with caplog.at_level(logging.INFO, "ganexp"):
        fit(make_gan(images=96), 12, [ImageProgress(), Summary(str(tmp_path))], data=SlowPictures())
    assert any("images/s" in message and "waiting for data" in message for message in caplog.messages)
    assert 0.05 < summary.read(tmp_path)["waited_for_data"] <= 1


def test_the_loader_of_training_is_measured():
    assert isinstance(endless_loader(Sleeping(), itertools.repeat([0])), TimedLoader)
