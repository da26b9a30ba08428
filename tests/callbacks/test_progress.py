"""The progress line of slow and of fast runs: a rate that is not zero, and the time left."""

import time
from types import SimpleNamespace

import pytest
import torch

from ganexp.callbacks.progress import ImageProgress, columns, duration_text, rate_text


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0312, "0.031"), (0.31, "0.31"), (3.21, "3.2"), (9.7, "10"), (1234.4, "1,234")]
)
def test_a_rate_has_at_least_two_digits(rate, text):
    assert rate_text(rate) == text


@pytest.mark.parametrize(("seconds", "text"), [(42, "0:42"), (7400, "2:03:20"), (273600, "3 d 4 h"), (-1, "0:00")])
def test_durations(seconds, text):
    assert duration_text(seconds) == text


def test_a_slow_run_shows_its_rate_and_the_time_left(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 1100.0)
    line, module = ImageProgress(), SimpleNamespace(images=231, images_seen=131)
    line.curves, line.started = SimpleNamespace(latest={}), (1000.0, 100)
    assert line._speed_texts(module) == ["0.31 images/s", "5:23 left"]
    line.curves.latest["time/images_per_second"] = 2.0
    assert line._speed_texts(module) == ["2 images/s", "0:50 left"]
    module.images_seen = 100
    line.curves.latest.clear()
    assert line._speed_texts(module) == []


def test_a_loss_in_several_directions_is_shown_as_their_sum():
    latest = {
        "loss/generator/adversarial_a2b": 0.5,
        "loss/generator/adversarial_b2a": 0.25,
        "loss/generator/cycle_a": 7.0,
        "discriminator/real_output": 0.75,
        "discriminator/real_output_a": 9.0,
    }
    assert columns(latest, "loss/generator/adversarial") == [0.5, 0.25]
    assert columns(latest, "discriminator/real_output") == [0.75]
    assert columns(latest, "discriminator/fake_output") == []


def test_where_there_is_no_terminal_a_slow_run_has_a_line_after_1_3_7_minutes_and_then_each_hour(monkeypatch, caplog):
    clock, module = SimpleNamespace(now=0.0), SimpleNamespace(images=10**6, images_seen=0, device=torch.device("cpu"))
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    trainer = SimpleNamespace(callbacks=[], is_global_zero=True)
    line, printed = ImageProgress(), []
    monkeypatch.setattr(line.wait, "start", lambda trainer: None)
    monkeypatch.setattr(line.wait, "update", lambda trainer: None)
    line.on_train_start(trainer, module)
    with caplog.at_level("INFO"):
        for minute in range(1, 400):
            clock.now, module.images_seen = 60.0 * minute, minute
            caplog.clear()
            line.on_train_batch_end(trainer, module)
            printed += [minute] * len(caplog.records)
        module.images_seen = 10**5
        line.on_train_batch_end(trainer, module)
    assert printed == [1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]
    assert "100,000/1,000,000 images" in caplog.messages[-1]
