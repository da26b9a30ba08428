"""Size and time of a run, from its networks and a few of its batches."""

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from ganexp.callbacks.progress import rate_text
from ganexp.config.build import build
from ganexp.data.storage import megabytes
from ganexp.distributed import gpu_memory
from ganexp.distributed.devices import synchronize
from ganexp.numerics.flags import numerics_of, prepare_cublas
from ganexp.runs import run_log
from ganexp.runs.model import build_model
from ganexp.runs.run import Run
from ganexp.training import fit, gpus, launcher
from ganexp.training.trainer import build_trainer
from ganexp.transfer.start import start_from_weights

WARM_UP = 8
"""Batches before those that count, in which buffers are allocated, algorithms chosen and graphs captured."""
SECONDS = 3.0
"""At least so long is measured, in whole cycles of the players' turns."""
SLOW = 10.0
"""On a CPU a cycle of so many seconds counts without a warm-up, which would take minutes and change little."""
MOST_BATCHES = 200
UNLIMITED = {"max_epochs": -1, "min_epochs": None, "max_time": None, "fast_dev_run": False, "profiler": None}
"""Settings of a trainer that only the stopwatch ends."""


class Stopwatch(L.Callback):
    """Ends training as soon as the time of a batch is measured: ``seconds`` is its mean over ``measured`` batches."""

    def __init__(self) -> None:
        self.batches = 0
        self.measured = 0
        self.seconds = 0.0
        self.started: float | None = None

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        """Start the clock before the first batch."""
        if self.started is None:
            self.started = time.perf_counter()

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Start the clock anew after each cycle of turns of the warm-up, then stop after whole cycles."""
        assert self.started is not None
        self.batches += 1
        cycle = math.lcm(*(player.every for player in module.players()))
        if self.batches % cycle:
            return
        synchronize(module.device)
        now = time.perf_counter()
        elapsed = now - self.started
        is_slow = module.device.type == "cpu" and elapsed >= SLOW
        if self.batches - cycle < WARM_UP and not is_slow:
            self.started = now
            return
        self.measured += cycle
        self.seconds = elapsed / self.measured
        trainer.should_stop = elapsed >= SECONDS or self.measured >= MOST_BATCHES


class ShownNetworks(L.Callback):
    """Prints the sizes of the networks before the batches that are measured, which may take minutes."""

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Print each player's name and the number of its parameters."""
        for name, parameters in network_lines(module):
            print(f"{name:<14} {parameters}", flush=True)


@dataclass(frozen=True)
class Memory:
    """Bytes of a run on each device, apart from what grows with the batch."""

    weights: int
    gradients: int
    optimizers: int
    data: int

    def __str__(self) -> str:
        parts = {"weights": self.weights, "gradients": self.gradients, "optimizers": self.optimizers, "data": self.data}
        listed = ", ".join(f"{name} {megabytes(size)}" for name, size in parts.items())
        return f"{megabytes(sum(parts.values()))}: {listed}"


@fit.errors_in_one_line()
def estimate(run: Run) -> str:
    """Print the parameters of a run, whose folder is a temporary one, and return lines with its memory and its time.

    A few batches are trained with networks that are thrown away. Raises UserError for what training would refuse.
    """
    gpus.require_gpus(run.config.trainer)
    processes = launcher.devices(run.config.trainer) * run.config.trainer.get("num_nodes", 1)
    config = on_one_device(run.config, processes)
    stopwatch = Stopwatch()
    with run_log.logged(run.folder):
        data, module, trainer = trained_briefly(Run(run.folder, config, run.fixed), stopwatch)
    batch = run.config.data.batch_size
    images = budget(run.config, data)
    total = duration(images / batch * stopwatch.seconds)
    lines = [
        f"{'memory':<14} {memory_of(module, trainer.optimizers, data)}{peak(module.device)}",
        f"{'batch':<14} {batch:,} images{shared_by(processes)}, {rate_text(batch / stopwatch.seconds)} images/s on "
        f"{module.device.type}, measured in {stopwatch.measured} batches",
        f"{'time':<14} {total} for images={images:,}, without scores and pictures",
        "nothing is kept; the same command without --dry-run trains",
    ]
    return "\n".join(lines)


def trained_briefly(run: Run, stopwatch: Stopwatch) -> tuple[Any, Any, L.Trainer]:
    """Return the data, the game and the trainer after the batches that a stopwatch measures."""
    config = run.config
    for name in ("pytorch", "fabric"):
        logging.getLogger(f"lightning.{name}").setLevel(logging.WARNING)
    prepare_cublas()
    numerics = numerics_of(config.get("numerics"), config.trainer)
    L.seed_everything(config.seed, workers=True, verbose=False)
    data, module = build(config.data), build_model(config.model, None)
    fit.require_optimizers(module)
    start_from_weights(module, config.get("init"), run.folder)
    # Their settings are checked; of loggers only by training, as some start what they log to.
    fit.build_callbacks(config.callbacks, module)
    callbacks = [ShownNetworks(), stopwatch]
    trainer = build_trainer(config.trainer, config.get("graphs"), numerics, run.folder, callbacks, [])
    trainer.fit(module, datamodule=data)
    return data, module.to(trainer.strategy.root_device), trainer


def on_one_device(config: DictConfig, processes: int) -> DictConfig:
    """Return the configuration of one of several processes alone, with its part of the batch."""
    config = config.copy()
    OmegaConf.set_struct(config, False)
    config.trainer = {**config.trainer, **UNLIMITED}
    if processes > 1:
        config.trainer = {**config.trainer, "devices": 1, "num_nodes": 1, "strategy": "auto"}
        config.data.batch_size = max(1, config.data.batch_size // processes)
    return config


def network_lines(module: Any) -> list[tuple[str, str]]:
    """Return each player's name and the number of its parameters, with how many of them are trained."""
    lines = []
    for player in module.players():
        total = sum(parameter.numel() for parameter in player.network.parameters())
        trained = sum(parameter.numel() for parameter in trained_parameters(player.network))
        frozen = "" if trained == total else f", {trained:,} of them trained"
        lines.append((player.name, f"{total:,} parameters{frozen}"))
    return lines


def memory_of(module: Any, optimizers: Iterable[torch.optim.Optimizer], data: Any) -> Memory:
    """Return the bytes of a game that has trained, and of its data.

    A player's gradients are freed after its turn, so those of the largest count.
    """
    gradients = [size_of(trained_parameters(player.network)) for player in module.players()]
    states = (value for optimizer in optimizers for state in optimizer.state.values() for value in state.values())
    return Memory(
        weights=size_of([*module.parameters(), *module.buffers()]),
        gradients=max(gradients),
        optimizers=size_of(value for value in states if isinstance(value, Tensor)),
        data=getattr(data, "memory_bytes", 0),
    )


def trained_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a network that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def size_of(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of some tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def peak(device: torch.device) -> str:
    """Return the peak memory of a GPU as text, empty on any other device."""
    used = gpu_memory.peak_bytes(device)
    return "" if used is None else f"; at most {megabytes(used)} in use"


def shared_by(processes: int) -> str:
    """Return how a batch is shared, empty for one process."""
    return "" if processes == 1 else f" shared by {processes} processes, of which one is measured alone"


def budget(config: DictConfig, data: Any) -> int:
    """Return the images that a run sees, by its images or its epochs."""
    epochs = config.trainer.get("max_epochs")
    images: int = config.images
    return images if epochs is None or epochs < 1 else min(images, epochs * data.images_per_epoch)


def duration(seconds: float) -> str:
    """Return a rounded time, such as "about 3 min" or "about 2.5 days"."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"about {seconds / length:.{0 if seconds >= 10 * length else 1}f} {unit}"
    return f"about {seconds:.0f} s"
