"""Time ganexp's image-to-image training against a bare PyTorch loop of the same networks, alternating in one process.

    python benchmarks/translation.py [model=pix2pix] [chunks=12] [batches=4] [any override]

for model=pix2pix, model=cyclegan or model=head_avatar, at 64x64 with batches of 4 unless overridden. ganexp runs as
users run it: logging, progress bar, grids and checkpoints on. After each chunk of its batches the bare loop trains the
same number, so that a drift of the machine's speed affects both. The bare loop does the same arithmetic: fakes made
once per batch, the generators' step with the discriminators frozen, then the discriminators' on the same fakes, in
CycleGAN through a pool of 50. For head avatars it reads random planes, as puppets are drawn before training. Then the
peak memory of both is measured, in separate processes.
"""

import copy
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import chain
from statistics import median
from typing import Any

import lightning as L
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss, softplus

from ganexp.cli import main as cli
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.data.translation.degradations import Mosaic

SETTINGS = [
    "data=mosaic",
    "data/source=cifar10",
    "data.source._target_=__main__.RandomPictures",
    "data.image_size=64",
    "data.batch_size=4",
    "data.flip=false",
    "metric=none",
]
IMAGES = 640
WARM_UP = 2
BUDGET = 20_000  # sets the intervals of logging, grids and checkpoints; the timing stops long before
ONLY_BATCHES = 12

PUPPETS = [
    "data=puppets",
    "data.source.people=64",
    "data.source.frames=10",
    "data.source.test_people=4",
    "data.batch_size=4",
    "metric=none",
]

Step = Callable[[], None]
Batches = Callable[[], tuple[Tensor, Tensor]]


def batches_of(config: dict[str, Any], device: torch.device) -> Batches:
    """Return a function that returns random inputs and targets: mosaics of pictures, or planes of driven pictures."""
    data = config["data"]
    shape = (IMAGES, data["channels"], data["image_size"], data["image_size"])
    images = torch.randint(0, 256, shape, dtype=torch.uint8)
    if data["name"] == "puppets":
        planes = torch.randint(0, 256, (IMAGES, data["input_channels"], *shape[2:]), dtype=torch.uint8)

        def driven() -> tuple[Tensor, Tensor]:
            chosen = torch.randint(IMAGES, (data["batch_size"],))
            inputs, real = (pixels[chosen].to(device).float() / 127.5 - 1 for pixels in (planes, images))
            return inputs, real

        return driven
    degrade = Mosaic()

    def batch() -> tuple[Tensor, Tensor]:
        chosen = images[torch.randint(IMAGES, (data["batch_size"],))]
        mosaics, real = (images.to(device).float() / 127.5 - 1 for images in (degrade(chosen), chosen))
        return mosaics, real

    return batch


def adam(*networks: nn.Module) -> torch.optim.Optimizer:
    """Return the papers' optimizer for the networks."""
    parameters = chain(*(network.parameters() for network in networks))
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999), fused=True)


def pix2pix(generator: nn.Module, discriminator: nn.Module, batches: Batches) -> Step:
    """Return a function that trains one batch in plain PyTorch."""
    step_g, step_d = adam(generator), adam(discriminator)

    def step() -> None:
        given, real = batches()
        discriminator.requires_grad_(False)
        fake = generator(given)
        (softplus(-discriminator(fake, given)).mean() + 100 * l1_loss(fake, real)).backward()
        step_g.step()
        step_g.zero_grad()
        discriminator.requires_grad_(True)
        fake = fake.detach()
        (softplus(-discriminator(real, given)).mean() + softplus(discriminator(fake, given)).mean()).backward()
        step_d.step()
        step_d.zero_grad()

    return step


def head_avatar(generator: Any, discriminator: Any, batches: Batches) -> Step:
    """Return a function that trains one batch in plain PyTorch, with the hinge loss and the weights of the terms."""
    step_g, step_d = adam(generator), adam(discriminator)

    def distance(fake: Tensor, real: Tensor, given: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = discriminator.features(real, given)
        pairs = zip(discriminator.features(fake, given), wanted, strict=True)
        return torch.stack([l1_loss(made, map_) for made, map_ in pairs]).mean()

    def step() -> None:
        given, real = batches()
        discriminator.requires_grad_(False)
        layers = generator.layers(given)
        fake = torch.tanh(layers.low_frequency.detach() + layers.high_frequency)
        pixel, warp = l1_loss(torch.tanh(layers.low_frequency), real), layers.offsets.abs().mean()
        adversarial = -discriminator(fake, given).mean()
        (0.5 * adversarial + 10 * pixel + 10 * distance(fake, real, given) + 0.5 * warp).backward()
        step_g.step()
        step_g.zero_grad()
        discriminator.requires_grad_(True)
        on_real, on_fake = discriminator(real, given), discriminator(fake.detach(), given)
        (torch.relu(1 - on_real).mean() + torch.relu(1 + on_fake).mean()).backward()
        step_d.step()
        step_d.zero_grad()

    return step


def pooled(pool: list[Tensor], fakes: Tensor, most: int = 50) -> Tensor:
    """Return fakes, half of them exchanged with those in the pool once it is full."""
    shown = []
    for fake in fakes.split(1):
        if len(pool) < most:
            pool.append(fake)
        elif torch.rand(()) < 0.5:
            slot = int(torch.randint(most, ()))
            pool[slot], fake = fake, pool[slot]
        shown.append(fake)
    return torch.cat(shown)


def cyclegan(generators: Sequence[nn.Module], discriminators: Sequence[nn.Module], batches: Batches) -> Step:
    """Return a function that trains one batch in plain PyTorch."""
    (a2b, b2a), (judge_a, judge_b) = generators, discriminators
    step_g, step_d = adam(a2b, b2a), adam(judge_a, judge_b)
    pools: tuple[list[Tensor], list[Tensor]] = ([], [])

    def squares(logits: Tensor, target: float) -> Tensor:
        return mse_loss(logits, torch.full_like(logits, target))

    def step() -> None:
        a, b = batches()
        for judge in (judge_a, judge_b):
            judge.requires_grad_(False)
        fake_a, fake_b = b2a(b), a2b(a)
        adversarial = squares(judge_b(fake_b), 1) + squares(judge_a(fake_a), 1)
        cycle = l1_loss(b2a(fake_b), a) + l1_loss(a2b(fake_a), b)
        identity = l1_loss(b2a(a), a) + l1_loss(a2b(b), b)
        (adversarial + 10 * cycle + 5 * identity).backward()
        step_g.step()
        step_g.zero_grad()
        losses = []
        for judge, real, fake, pool in ((judge_a, a, fake_a, pools[0]), (judge_b, b, fake_b, pools[1])):
            judge.requires_grad_(True)
            losses.append((squares(judge(real), 1) + squares(judge(pooled(pool, fake.detach())), 0)) / 2)
        torch.stack(losses).sum().backward()
        step_d.step()
        step_d.zero_grad()

    return step


def bare_loop(module: Any, batches: Batches) -> Step:
    """Return the bare loop that trains the module's networks."""
    if hasattr(module, "discriminators"):
        return cyclegan(list(module.generators.values()), list(module.discriminators.values()), batches)
    paired = head_avatar if hasattr(module.generators["a2b"], "landmarks") else pix2pix
    return paired(module.generators["a2b"], module.discriminator, batches)


def networks_of(module: Any) -> Any:
    """Return copies of the module's networks by their names."""
    copied = nn.Module()
    for name in ("generators", "discriminators", "discriminator"):
        if name in dict(module.named_children()):
            setattr(copied, name, copy.deepcopy(getattr(module, name)))
    return copied.train()


def wait() -> None:
    """Wait for the device, so that a clock reads finished work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Alternate(L.Callback):
    """Trains as many batches of the bare loop after each chunk of ganexp's; the first chunks are warm-up."""

    results: dict[str, list[float]]
    config: dict[str, Any]

    def __init__(self, chunks: int, batches: int) -> None:
        self.chunks = chunks
        self.batches = batches
        Alternate.results = {"ganexp": [], "bare": []}

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        self.step = bare_loop(networks_of(module), batches_of(self.config, module.device))
        self.started = time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        if module.batches_seen % self.batches:
            return
        wait()
        self.results["ganexp"].append(time.perf_counter() - self.started)
        started = time.perf_counter()
        for _ in range(self.batches):
            self.step()
        wait()
        self.results["bare"].append(time.perf_counter() - started)
        if len(self.results["bare"]) >= self.chunks:
            trainer.should_stop = True
        self.started = time.perf_counter()


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
        status = cli.main([*settings_of(overrides), f"images={images}", *overrides, f"run_dir={folder}/run"])
    if status:
        sys.exit(status)


def composed(overrides: list[str]) -> Any:
    """Return the configuration that ganexp would train."""
    composition.register_resolvers()
    return composition.compose("train", [*settings_of(overrides), *overrides, "run_dir=unused"])


def settings_of(overrides: list[str]) -> list[str]:
    """Return the settings of the data that the model needs."""
    return PUPPETS if "model=head_avatar" in overrides else SETTINGS


def peak_of(which: str, overrides: list[str]) -> int:
    """Return the peak memory in bytes of one of the loops, in a separate process."""
    command = [sys.executable, __file__, f"only={which}", *overrides]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(output.splitlines()[-1])


def only(which: str, overrides: list[str]) -> None:
    """Run one loop for a few batches and print its peak memory in bytes."""
    config = composed(overrides)
    if which == "ganexp":
        train(config.data.batch_size * ONLY_BATCHES, overrides)
    else:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        module = build(config.model).to(device).train()
        step = bare_loop(module, batches_of(composition.resolve(config), device))
        for _ in range(ONLY_BATCHES):
            step()
    on_device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    print(on_device or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main(arguments: list[str]) -> None:
    """Print the ratios."""
    os.environ["FORCE_COLOR"] = "1"  # the progress bar of a terminal, wherever this runs
    options = dict(a.split("=", 1) for a in arguments if a.startswith(("chunks=", "batches=", "only=")))
    overrides = [a for a in arguments if not a.startswith(("chunks=", "batches=", "only="))]
    if not any(override.startswith("model=") for override in overrides):
        overrides = ["model=pix2pix", *overrides]
    if "only" in options:
        only(options["only"], overrides)
        return
    chunks, batches = int(options.get("chunks", 12)), int(options.get("batches", 4))
    Alternate.config = composition.resolve(composed(overrides))
    alternate = f"{{_target_: __main__.Alternate, chunks: {chunks + WARM_UP}, batches: {batches}}}"
    train(BUDGET, [*overrides, f"+callbacks.alternate={alternate}"])
    ganexp, bare = (Alternate.results[name][WARM_UP:] for name in ("ganexp", "bare"))
    ratios = sorted(a / b for a, b in zip(ganexp, bare, strict=True))
    print(f"ms per batch: ganexp {median(ganexp) / batches * 1e3:.1f}, bare {median(bare) / batches * 1e3:.1f}")
    print(f"time, ganexp / bare: median {median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
    ganexp_peak, bare_peak = peak_of("ganexp", overrides), peak_of("bare", overrides)
    peaks = f"ganexp {ganexp_peak / 2**20:.0f} MiB, bare {bare_peak / 2**20:.0f} MiB"
    print(f"peak memory: {peaks}, ratio {ganexp_peak / bare_peak:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
