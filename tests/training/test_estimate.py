"""Flag ``--dry-run``: sizes and time of a run that is not trained."""

import itertools
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from ganexp.training import estimate
from support.runs import NETWORKS
from support.tiny import adam, fit, make_gan

DRY = ["--dry-run", *NETWORKS, "trainer=cpu", "data.batch_size=64"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(estimate, "WARM_UP", 1)
    monkeypatch.setattr(estimate, "SECONDS", 0)


def test_a_dry_run_prints_networks_memory_and_time_and_writes_nothing(ganexp, here):
    shown = ganexp(*DRY, "images=1_000")
    assert shown.status == 0, shown.err
    lines = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert lines["generator"] == "13,681 parameters"
    assert lines["memory"] == "0.5 MB: weights 0.2 MB, gradients 0.1 MB, optimizers 0.2 MB, data 0.1 MB"
    assert "64 images," in lines["batch"]
    assert "images=1,000" in lines["time"]
    assert lines["nothing"] == "is kept; the same command without --dry-run trains"
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_one_process_of_several_is_measured_alone(ganexp, here):
    shown = ganexp(*DRY, "trainer=ddp_cpu", "trainer.devices=2")
    assert shown.status == 0, shown.err
    assert "64 images shared by 2 processes, of which one is measured alone" in shown.out
    assert list(here.iterdir()) == []


def test_a_mistake_is_refused_as_in_training(ganexp, here):
    assert ganexp(*DRY, "images=0").complaint.startswith("images=0: ")
    assert ganexp("-m", *DRY, "seed=0,1").complaint.startswith("--dry-run: it is for a single run")
    assert ganexp("resume=somewhere", "--dry-run").complaint == "--dry-run: it is for a new run; leave out resume=…"
    assert list(here.iterdir()) == []


def test_memory_is_that_of_weights_the_largest_gradients_and_the_optimizers_states():
    module = make_gan(optimizer=adam)
    trainer = fit(module, batches=2)
    sizes = [sum(p.numel() for p in player.network.parameters()) * 4 for player in module.players()]
    memory = estimate.memory_of(module, trainer.optimizers, SimpleNamespace(memory_bytes=7))
    assert memory.weights == sum(sizes)
    assert memory.gradients == max(sizes)
    assert 2 * sum(sizes) < memory.optimizers < 2 * sum(sizes) + 100
    assert memory.data == 7


def test_the_stopwatch_measures_whole_cycles_of_turns():
    stopwatch = estimate.Stopwatch()
    module = SimpleNamespace(players=lambda: [SimpleNamespace(every=n) for n in (1, 2, 3)], device=torch.device("cpu"))
    trainer = SimpleNamespace(should_stop=False)
    while not trainer.should_stop:
        stopwatch.on_train_batch_start(trainer, module)
        stopwatch.on_train_batch_end(trainer, module)
    assert (stopwatch.batches, stopwatch.measured) == (12, 6)
    assert stopwatch.seconds > 0


@pytest.mark.parametrize(("device", "seconds", "batches"), [("cpu", 2, 6), ("cpu", 60, 2), ("meta", 60, 6)])
def test_long_cycles_need_no_warm_up_on_a_cpu(monkeypatch, device, seconds, batches):
    monkeypatch.setattr(estimate, "WARM_UP", 4)
    clock = itertools.count()
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: next(clock) * seconds)
    stopwatch = estimate.Stopwatch()
    module = SimpleNamespace(players=lambda: [SimpleNamespace(every=2)], device=torch.device(device))
    trainer = SimpleNamespace(should_stop=False)
    while not trainer.should_stop:
        stopwatch.on_train_batch_start(trainer, module)
        stopwatch.on_train_batch_end(trainer, module)
    assert (stopwatch.batches, stopwatch.measured, stopwatch.seconds) == (batches, 2, seconds / 2)


def test_frozen_layers_are_not_counted_as_trained():
    module = make_gan()
    for parameter in module.generator.layers[0].parameters():
        parameter.requires_grad_(False)
    (_, generator) = (text for _, text in estimate.network_lines(module))
    total = sum(parameter.numel() for parameter in module.generator.parameters())
    assert generator == f"{total:,} parameters, {total - 30:,} of them trained"


@pytest.mark.parametrize(("epochs", "images"), [(-1, 500), (None, 500), (2, 80), (100, 500)])
def test_the_budget_is_that_of_images_or_of_epochs(epochs, images):
    config = OmegaConf.create({"images": 500, "trainer": {"max_epochs": epochs}})
    assert estimate.budget(config, SimpleNamespace(images_per_epoch=40)) == images


DURATIONS = {
    3: "about 3 s",
    150: "about 2.5 min",
    3_000: "about 50 min",
    20_000: "about 5.6 hours",
    10**6: "about 12 days",
}


@pytest.mark.parametrize("seconds", DURATIONS)
def test_durations_are_rounded(seconds):
    assert estimate.duration(seconds) == DURATIONS[seconds]
