"""Time training on two processes against one, and work out what more devices would cost.

    python benchmarks/ddp.py [rounds=3] [batches=8] [step_ms=5] [any override, such as data.image_size=64]

Measured on this machine's processors, a few batches of one way, then of the next, round by round:

- one process with the whole batch and all processors;
- two processes with half of it and half of the processors each, as ``trainer=ddp_cpu`` runs them: one reduction a turn;
- the same with torch's DistributedDataParallel around the module, told to look for unused parameters.

Then what a batch sends is counted, and a model, not a measurement, says what it costs on up to 64 devices: a ring
all-reduce of S bytes among N devices takes 2 (N - 1) alpha + 2 (N - 1) / N S / beta, with a latency alpha and a
bandwidth beta that are round numbers for each kind of link, and does not overlap with a batch of ``step_ms`` a device.
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
    """Notes when each batch ended and what it sent, and stops after a number of them."""

    def __init__(self, batches: int) -> None:
        self.left = batches + WARM_UP
        self.times: list[float] = []
        self.sent: list[int] = []

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self.reduced = 0
        self.all_reduce = dist.all_reduce
        dist.all_reduce = self.count

    def count(self, tensor: torch.Tensor, *rest: Any, **options: Any) -> Any:
        """Reduce, and note how much."""
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
        """Return how long each batch took but for the first."""
        passed = [1e3 * (end - begin) for begin, end in zip(self.times, self.times[1:], strict=False)]
        return passed[WARM_UP - 1 :]


def timed(overrides: Sequence[str], batches: int, **trainer: Any) -> Clock:
    """Train a few batches."""
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


def one_of_two(rank: int, folder: Path, overrides: Sequence[str], batches: int) -> None:
    """Time two processes with half a batch each, both ways."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    os.environ["LOCAL_RANK"] = str(rank)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    ours = timed(overrides, batches, devices=2, strategy=AlternatingDDP(cluster_environment=LightningEnvironment()))
    AdversarialModule._average_over_ranks = lambda *_: None  # type: ignore[method-assign]
    wrapper = DDPStrategy(
        cluster_environment=LightningEnvironment(),
        find_unused_parameters=True,
        gradient_as_bucket_view=True,
        broadcast_buffers=False,
    )
    torchs = timed(overrides, batches, devices=2, strategy=wrapper)
    found = {"two, ours": ours.milliseconds(), "two, torch's": torchs.milliseconds(), "sent": max(ours.sent)}
    torch.save(found, folder / f"{rank}.pt")


def measure(overrides: Sequence[str], batches: int, rounds: int) -> int:
    """Print times and ratios, and return the bytes that a batch reduces."""
    times: dict[str, list[float]] = {"one": [], "two, ours": [], "two, torch's": []}
    sent = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for work, ranks in ((one_process, 1), (one_of_two, 2)):
                mp.start_processes(work, (folder, overrides, batches), nprocs=ranks, start_method="fork")
            found = torch.load(folder / "one.pt") | torch.load(folder / "0.pt")
        sent = found.pop("sent")
        for way, values in found.items():
            times[way].append(median(values))
    print(f"{' '.join([*SETTINGS, *overrides])}, {os.cpu_count()} processors, milliseconds a batch:")
    for way, values in times.items():
        ratios = sorted(value / one for value, one in zip(values, times["one"], strict=True))
        print(
            f"{way:<14} {median(values):8.1f}   / one: {median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}"
        )
    print(f"reduced in a batch: {sent / 1e6:.2f} MB")
    return sent


def ring(devices: int, size: int, latency: float, bandwidth: float) -> float:
    """Return the seconds that the model gives a ring all-reduce."""
    return 2 * (devices - 1) * latency + 2 * (devices - 1) / devices * size / bandwidth


def tell_model(size: int, step: float) -> None:
    """Print the model's table: two reductions a batch, one for each player, and nothing that overlaps."""
    print(f"\nmodel (not measured): {size / 1e6:.2f} MB in 2 reductions a batch of {1e3 * step:g} ms, no overlap;")
    print("each cell: milliseconds of reduction, and the share of time that is left for training")
    print(f"{'devices':<12}" + "".join(f"{devices:>14}" for devices in DEVICES))
    for name, (latency, bandwidth) in LINKS.items():
        cells = [2 * ring(devices, size // 2, latency, bandwidth) for devices in DEVICES]
        print(f"{name:<12}" + "".join(f"{1e3 * cell:8.2f} {step / (step + cell):5.0%}" for cell in cells))


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    known = {"rounds": 3, "batches": 8, "step_ms": 5}
    options = known | {a.partition("=")[0]: int(a.partition("=")[2]) for a in arguments if a.partition("=")[0] in known}
    overrides = [argument for argument in arguments if argument.partition("=")[0] not in known]
    tell_model(measure(overrides, options["batches"], options["rounds"]), options["step_ms"] / 1e3)


if __name__ == "__main__":
    composition.register_resolvers()
    main(sys.argv[1:])
