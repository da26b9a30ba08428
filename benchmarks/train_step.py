"""Time ganexp's training against a bare PyTorch loop of the same networks, alternating in one process.

    python benchmarks/train_step.py [chunks=12] [batches=8] [clock=wall] [any override, such as data.image_size=64]

ganexp runs as users run it: logging, progress bar, samples and checkpoints on. After each chunk of its batches the
bare loop trains the same number, so that a drift of the machine's speed affects both. The bare loop does the same
arithmetic: fresh noise for each player, fakes of the discriminator's turn without gradient, the discriminator frozen in
the generator's turn; it has no moving average, no logging and no training framework. Then the peak memory of both is
measured, in separate processes. ``clock=processor`` measures the CPU time of this process instead of wall time, for a
machine that has other work as well; set OMP_NUM_THREADS=1 with it, as threads that wait for a busy core count too.
"""

import copy
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import lightning as L
import torch
from PIL import Image
from torch.nn.functional import softplus

from ganexp.cli import main as cli
from ganexp.config import composition
from ganexp.layers.normalization import batch as batch_norm
from ganexp.networks import dcgan

SETTINGS = ["model=dcgan", "data=cifar10", "data.batch_size=64", "metric=none"]
IMAGES = 2_560
WARM_UP = 2
BUDGET = 200_000  # sets the intervals of logging, grids and checkpoints; the timing stops long before
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
OPTIONS = ("chunks=", "batches=", "only=", "clock=")


def bare_loop(generator: torch.nn.Module, discriminator: torch.nn.Module, batch_size: int) -> Callable[[], None]:
    """Return a function that trains one batch in plain PyTorch."""
    device = next(generator.parameters()).device
    shape = images(generator).shape[1:]
    data = torch.randint(0, 256, (IMAGES, *shape), dtype=torch.uint8)
    adam = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
    step_d = torch.optim.Adam(discriminator.parameters(), **adam)
    step_g = torch.optim.Adam(generator.parameters(), **adam)
    generator.train()
    discriminator.train()

    def step() -> None:
        real = data[torch.randint(IMAGES, (batch_size,))].to(device).float() / 127.5 - 1
        with torch.no_grad():
            fake = generator(torch.rand(batch_size, 100, device=device) * 2 - 1)
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
        loss.backward()
        step_d.step()
        step_d.zero_grad()
        discriminator.requires_grad_(False)
        fake = generator(torch.rand(batch_size, 100, device=device) * 2 - 1)
        softplus(-discriminator(fake)).mean().backward()
        step_g.step()
        step_g.zero_grad()
        discriminator.requires_grad_(True)

    return step


@torch.no_grad()
def images(generator: torch.nn.Module) -> torch.Tensor:
    """Return one image, for its shape."""
    noise = torch.zeros(1, 100, device=next(generator.parameters()).device)
    return copy.deepcopy(generator).eval()(noise)


def wait() -> None:
    """Wait for the device, so that a clock reads finished work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Alternate(L.Callback):
    """Trains as many batches of the bare loop after each chunk of ganexp's; the first chunks are warm-up."""

    results: dict[str, list[float]]

    def __init__(self, chunks: int, batches: int, clock: str = "wall") -> None:
        self.chunks = chunks
        self.batches = batches
        self.now = CLOCKS[clock]
        Alternate.results = {"ganexp": [], "bare": []}

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        networks = copy.deepcopy(module.generator), copy.deepcopy(module.discriminator)
        self.step = bare_loop(*networks, trainer.datamodule.batch_size)
        self.started = self.now()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        if module.batches_seen % self.batches:
            return
        wait()
        self.results["ganexp"].append(self.now() - self.started)
        started = self.now()
        for _ in range(self.batches):
            self.step()
        wait()
        self.results["bare"].append(self.now() - started)
        if len(self.results["bare"]) >= self.chunks:
            trainer.should_stop = True
        self.started = self.now()


class RandomPictures(torch.utils.data.Dataset):
    """Stands for CIFAR-10: random pictures of its size, as many as the loops need."""

    classes = tuple("0123456789")

    def __init__(self, **_: Any) -> None:
        rng = torch.Generator().manual_seed(0)
        self.pictures = torch.randint(0, 256, (IMAGES, 32, 32, 3), dtype=torch.uint8, generator=rng).numpy()

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.pictures[index]), index % 10


def train(images: int, overrides: list[str]) -> None:
    """Train as a user does, on random pictures instead of CIFAR-10's files."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [*SETTINGS, "data.source._target_=__main__.RandomPictures", f"images={images}", *overrides]
        status = cli.main([*settings, f"run_dir={folder}/run"])
    if status:
        sys.exit(status)


def peak_of(which: str, overrides: list[str]) -> int:
    """Return the peak memory in bytes of one of the loops, in a separate process."""
    command = [sys.executable, __file__, f"only={which}", *overrides]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(output.splitlines()[-1])


def only(which: str, overrides: list[str]) -> None:
    """Run one loop for a few batches and print its peak memory in bytes."""
    if which == "ganexp":
        train(64 * 20, overrides)
    else:
        config = composition.compose_or_empty([*SETTINGS, *overrides], [composition.conf_dir()])
        size, channels, batch = (config["data"][key] for key in ("image_size", "channels", "batch_size"))
        device = "cuda" if torch.cuda.is_available() else "cpu"
        networks = (
            dcgan.Generator(100, channels, size, batch_norm()),
            dcgan.Discriminator(channels, size, batch_norm()),
        )
        step = bare_loop(*(network.to(device) for network in networks), batch)
        for _ in range(20):
            step()
    on_device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    print(on_device or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main(arguments: list[str]) -> None:
    """Print the ratios."""
    os.environ["FORCE_COLOR"] = "1"  # the progress bar of a terminal, wherever this runs
    options = dict(a.split("=", 1) for a in arguments if a.startswith(OPTIONS))
    overrides = [a for a in arguments if not a.startswith(OPTIONS)]
    if "only" in options:
        only(options["only"], overrides)
        return
    chunks, batches = int(options.get("chunks", 12)), int(options.get("batches", 8))
    settings = f"chunks: {chunks + WARM_UP}, batches: {batches}, clock: {options.get('clock', 'wall')}"
    train(BUDGET, [*overrides, f"+callbacks.alternate={{_target_: __main__.Alternate, {settings}}}"])
    ganexp, bare = (Alternate.results[name][WARM_UP:] for name in ("ganexp", "bare"))
    ratios = sorted(a / b for a, b in zip(ganexp, bare, strict=True))
    print(f"ms per batch: ganexp {median(ganexp) / batches * 1e3:.2f}, bare {median(bare) / batches * 1e3:.2f}")
    print(f"time, ganexp / bare: median {median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
    ganexp_peak, bare_peak = peak_of("ganexp", overrides), peak_of("bare", overrides)
    peaks = f"ganexp {ganexp_peak / 2**20:.0f} MiB, bare {bare_peak / 2**20:.0f} MiB"
    print(f"peak memory: {peaks}, ratio {ganexp_peak / bare_peak:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
