"""Time training on two processes against one, and estimate the cost of more devices.

    python benchmarks/ddp.py [rounds=3] [batches=8] [step_ms=5] [any override, such as data.image_size=64]

Measured on this machine's CPU, in rounds of a few batches of each setup:

- one process with the whole batch and all cores;
- two processes with half of the batch and half of the cores each, as ``trainer=ddp_cpu`` runs them: one reduction a
  turn;
- the same with torch's DistributedDataParallel around the module and ``find_unused_parameters``.

Then the bytes that a batch reduces are counted, and a model, not a measurement, estimates the cost on up to 64 devices:
a ring all-reduce of S bytes among N devices takes 2 (N - 1) alpha + 2 (N - 1) / N S / beta, with a latency alpha and a
bandwidth beta that are round numbers for each kind of link, and does not overlap with the ``step_ms`` of a batch.
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.distributed.strategy import AlternatingDDP
from ganexp.game.module import AdversarialModule

SETTINGS = ["model=dcgan", "data=cifar10", "data.batch_size=64", "metric=none"]
IMAGES = 2_560
WARM_UP = 3
LINKS = {  # latency in seconds, bandwidth in bytes/s
    "NVLink": (5e-6, 300e9),
    "PCIe 4 x16": (10e-6, 20e9),
    "100 Gbit/s": (20e-6, 12.5e9),
    "10 Gbit/s": (50e-6, 1.25e9),
}
DEVICES = (1, 2, 4, 8, 16, 32, 64)


class Pictures(L.LightningDataModule):
    """Random pictures of the configured shape."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.batch_size = config.data.batch_size
        shape = (IMAGES, config.data.channels, config.data.image_size, config.data.image_size)
        self.dataset = InMemory(torch.rand(shape) * 2 - 1, torch.arange(IMAGES) % (config.data.num_classes or 1))

    def train_dataloader(self) -> Any:
        return training_loader(self.dataset, self.batch_size, 0, self.trainer)


class Clock(L.Callback):
    """Records when each batch ended and how many bytes it reduced, and stops training after a number of batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches + WARM_UP
        self.times: list[float] = []
        self.sent: list[int] = []

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self.reduced = 0
        self.all_reduce = dist.all_reduce
        dist.all_reduce = self.count

    def count(self, tensor: torch.Tensor, *rest: Any, **options: Any) -> Any:
        """Reduce a tensor and count its bytes."""
        self.reduced += tensor.numel() * tensor.element_size()
        return self.all_reduce(tensor, *rest, **options)

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        self.times.append(time.perf_counter())
        self.sent.append(self.reduced)
        self.reduced = 0
        trainer.should_stop = len(self.times) == self.left

    def on_train_end(self, trainer: Any, module: Any) -> None:
        dist.all_reduce = self.all_reduce

    def milliseconds(self) -> list[float]:
        """Return the time of each batch after warm-up."""
        passed = [1e3 * (end - begin) for begin, end in zip(self.times, self.times[1:], strict=False)]
        return passed[WARM_UP - 1 :]


def timed(overrides: Sequence[str], batches: int, **trainer: Any) -> Clock:
    """Train a few batches and return their clock."""
    config = composition.compose("train", [*SETTINGS, *overrides])
    torch.manual_seed(0)
    clock = Clock(batches)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    options = {"accelerator": "cpu", "max_epochs": -1, "use_distributed_sampler": False, "callbacks": [clock], **quiet}
    L.Trainer(**options, **trainer).fit(build(config.model), datamodule=Pictures(config))
    return clock


def one_process(_: int, folder: Path, overrides: Sequence[str], batches: int) -> None:
    """Time one process with the whole batch."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.save({"one": timed(overrides, batches).milliseconds()}, folder / "one.pt")


def two_processes(rank: int, folder: Path, overrides: Sequence[str], batches: int) -> None:
    """Time two processes with half a batch each, by ganexp's reduction and by torch's."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    os.environ["LOCAL_RANK"] = str(rank)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    ganexp = timed(overrides, batches, devices=2, strategy=AlternatingDDP(cluster_environment=LightningEnvironment()))
    AdversarialModule._average_over_ranks = lambda *_: None  # type: ignore[method-assign]
    wrapper = DDPStrategy(
        cluster_environment=LightningEnvironment(),
        find_unused_parameters=True,
        gradient_as_bucket_view=True,
        broadcast_buffers=False,
    )
    ddp = timed(overrides, batches, devices=2, strategy=wrapper)
    results = {"two, ganexp": ganexp.milliseconds(), "two, DDP": ddp.milliseconds(), "sent": max(ganexp.sent)}
    torch.save(results, folder / f"{rank}.pt")


def measure(overrides: Sequence[str], batches: int, rounds: int) -> int:
    """Print times and ratios, and return the bytes that a batch reduces."""
    times: dict[str, list[float]] = {"one": [], "two, ganexp": [], "two, DDP": []}
    sent = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for work, ranks in ((one_process, 1), (two_processes, 2)):
                mp.start_processes(work, (folder, overrides, batches), nprocs=ranks, start_method="fork")
            results = torch.load(folder / "one.pt") | torch.load(folder / "0.pt")
        sent = results.pop("sent")
        for setup, values in results.items():
            times[setup].append(median(values))
    print(f"{' '.join([*SETTINGS, *overrides])}, {os.cpu_count()} cores, milliseconds per batch:")
    for setup, values in times.items():
        ratios = sorted(value / one for value, one in zip(values, times["one"], strict=True))
        print(
            f"{setup:<14} {median(values):8.1f}   / one: {median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}"
        )
    print(f"reduced per batch: {sent / 1e6:.2f} MB")
    return sent


def ring(devices: int, size: int, latency: float, bandwidth: float) -> float:
    """Return the seconds that the model gives a ring all-reduce."""
    return 2 * (devices - 1) * latency + 2 * (devices - 1) / devices * size / bandwidth


def print_model(size: int, step: float) -> None:
    """Print the model's table: two reductions per batch, one for each player, without overlap."""
    print(f"\nmodel (not measured): {size / 1e6:.2f} MB in 2 reductions per batch of {1e3 * step:g} ms, no overlap;")
    print("each cell: milliseconds of reduction, and the share of time left for training")
    print(f"{'devices':<12}" + "".join(f"{devices:>14}" for devices in DEVICES))
    for name, (latency, bandwidth) in LINKS.items():
        cells = [2 * ring(devices, size // 2, latency, bandwidth) for devices in DEVICES]
        print(f"{name:<12}" + "".join(f"{1e3 * cell:8.2f} {step / (step + cell):5.0%}" for cell in cells))


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    options = {"rounds": 3, "batches": 8, "step_ms": 5}
    overrides = [argument for argument in arguments if argument.partition("=")[0] not in options]
    options |= {key: int(value) for key, _, value in (a.partition("=") for a in arguments) if key in options}
    print_model(measure(overrides, options["batches"], options["rounds"]), options["step_ms"] / 1e3)


if __name__ == "__main__":
    composition.register_resolvers()
    main(sys.argv[1:])
