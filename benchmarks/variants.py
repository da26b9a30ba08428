"""Time each model against a bare PyTorch loop, and the overhead of penalties, normalizations and the doctor.

    python benchmarks/variants.py models [names=dcgan,biggan] [average=true] [chunks=12] [batches=4] [clock=wall] […]
    python benchmarks/variants.py penalties [chunks=12] [batches=4] [clock=wall] […]
    python benchmarks/variants.py normalizations [chunks=12] [batches=4] [clock=wall] […]
    python benchmarks/variants.py doctor [clock=wall] […]

``models`` runs ganexp as users do, on random pictures of CIFAR-10's size, and after each chunk of its batches a bare
loop of the same networks, loss, penalties, optimizers and moving average of the generator. The average is part of the
algorithm, as its weights draw the samples that are scored (arXiv 1809.11096, 2501.05441); with ``average=false`` the
bare loop leaves it out. It always leaves out logging and the training framework. ``penalties`` and ``normalizations``
time the turns of otherwise equal games, chunk by chunk in alternation. ``doctor`` sums the time spent in its hooks
during a run. A chunk is ``batches`` turns of the generator. ``clock=processor`` is for a machine with other work, as in
train_step.py. Further arguments are ganexp's own overrides.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import lightning as L
import torch
from torch import Tensor

from bare_encoders import bigan_step, vae_step, vaegan_step
from bare_heads import embedding_step, infogan_step, ssgan_step
from bare_loops import BareGame, EagerLoop, draw_from_the_default_generator, image_shape, random_batches
from bare_stages import lapgan_step, progan_step
from bare_stylegan2 import stylegan2_step
from ganexp.callbacks.doctor import Doctor
from ganexp.cli import main as cli
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.config.matrix import model_parts, options
from ganexp.variants.bigan import BiGAN
from ganexp.variants.embedding import EmbeddingGAN
from ganexp.variants.gan import GAN
from ganexp.variants.infogan import InfoGAN
from ganexp.variants.lapgan import LAPGAN, ConditionalLAPGAN
from ganexp.variants.progan import ProGAN
from ganexp.variants.rotation import RotationGAN
from ganexp.variants.stylegan2 import ConditionalStyleGAN2, StyleGAN2
from ganexp.variants.vae import VAE
from ganexp.variants.vaegan import VAEGAN
from train_step import CLOCKS, IMAGES, WARM_UP, Alternate, RandomPictures, wait

PICTURES = ["data=cifar10", f"data.source._target_=__main__.{RandomPictures.__name__}", "metric=none"]
BUDGET = 200_000  # sets the intervals of logging, grids and checkpoints; the timing stops long before
CLASSES = 10
OPTIONS = ("names=", "average=", "chunks=", "batches=", "clock=")


STEPS: dict[type, Callable[[Any, float | None], Callable[[Tensor], None]]] = {
    BiGAN: bigan_step,
    EmbeddingGAN: embedding_step,
    InfoGAN: infogan_step,
    LAPGAN: lapgan_step,
    ConditionalLAPGAN: lapgan_step,
    ProGAN: progan_step,
    RotationGAN: ssgan_step,
    StyleGAN2: stylegan2_step,
    ConditionalStyleGAN2: stylegan2_step,
    VAE: vae_step,
    VAEGAN: vaegan_step,
}
"""Of the games that are more than a generator's and a discriminator's turns: a function from a game and the decay of
its moving average to a step on a batch of images."""


def bare_loop(game: Any, batch_size: int, average: bool = True) -> Callable[[], None]:
    """Return a function that trains one batch of the game's arithmetic on copies of its networks, by plain PyTorch."""
    if type(game) in STEPS:
        shape = tuple(game.sample(1, 0).shape[1:])
        batches = random_batches(shape, batch_size, IMAGES, game.device)
        decay = game.average.decay if average and game.average is not None else None
        step = STEPS[type(game)](game, decay)
        return lambda: step(next(batches)[0])
    batches = random_batches(image_shape(game), batch_size, IMAGES, game.device)
    return EagerLoop(BareGame(game, draw_from_the_default_generator(game.device), average), batches).step


class AgainstBare(Alternate):
    """Trains as many batches of the game's own bare loop after each chunk of ganexp's."""

    def __init__(self, average: bool, **chunks: Any) -> None:
        super().__init__(**chunks)
        self.average = average

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        self.batches = self.batches * getattr(module, "critic_steps", 1)
        self.step = bare_loop(module, trainer.datamodule.batch_size, self.average)
        self.started = self.now()


class OneTurn:
    """Stands for a trainer where only the turns are timed."""

    world_size, global_rank = 1, 0

    def __init__(self, game: GAN) -> None:
        self.strategy = self
        self.optimizers = self._lightning_optimizers = game.configure_optimizers()

    def backward(self, loss: Tensor, *_: Any) -> None:
        loss.backward()


class TimedDoctor(Doctor):
    """Sums the seconds spent in the doctor's hooks."""

    seconds = total = 0.0
    checks = 0
    now = staticmethod(CLOCKS["wall"])

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        super().on_train_start(trainer, module)
        self.started = self.now()

    def on_before_optimizer_step(self, *arguments: Any) -> None:
        self.timed(super().on_before_optimizer_step, *arguments)

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.timed(super().on_train_batch_end, *arguments)

    def record_turn(self, *arguments: Any) -> None:
        self.leave_out_training()
        super().record_turn(*arguments)

    def check(self, *arguments: Any) -> None:
        self.leave_out_training()
        super().check(*arguments)
        TimedDoctor.checks += 1

    def leave_out_training(self) -> None:
        started = self.now()
        wait()  # for the device's remaining work on the turn
        TimedDoctor.seconds -= self.now() - started

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        TimedDoctor.total = self.now() - self.started

    def timed(self, hook: Callable[..., None], *arguments: Any) -> None:
        started = self.now()
        hook(*arguments)
        TimedDoctor.seconds += self.now() - started


def run(*settings: str) -> None:
    """Train through the command line."""
    with tempfile.TemporaryDirectory() as folder:
        status = cli.main([*settings, f"run_dir={folder}/run"])
    if status:
        sys.exit(status)


def models(names: list[str], average: str, chunks: int, batches: int, clock: str, overrides: list[str]) -> None:
    """Print each model's time relative to the bare loop's."""
    settings = f"chunks: {chunks + WARM_UP}, batches: {batches}, clock: {clock}, average: {average}"
    alternate = f"+callbacks.alternate={{_target_: __main__.AgainstBare, {settings}}}"
    for name in names or [model for model in options("model") if not model_parts(model)["requires"].get("inputs")]:
        size = ["data.image_size=28"] if name == "dcgan_tutorial" else []
        run(f"model={name}", *PICTURES, f"images={BUDGET}", *size, *overrides, alternate)
        ganexp, bare = (Alternate.results[key][WARM_UP:] for key in ("ganexp", "bare"))
        ratios = [a / b for a, b in zip(ganexp, bare, strict=True)]
        print(f"{name:<18}{spread(ratios)}   {median(ganexp) / batches * 1e3:.1f} ms per turn of the generator")


def compared(group: str, settings: list[str], chunks: int, batches: int, clock: str, overrides: list[str]) -> None:
    """Print the time of each option of a group relative to none, in otherwise equal games."""
    now = CLOCKS[clock]
    steps = {name: turns(f"{group}={name}", *settings, *overrides) for name in ["none", *options(group)]}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(chunks + WARM_UP):
        for name, step in steps.items():
            started = now()
            for _ in range(batches):
                step()
            wait()
            seconds[name].append(now() - started)
    for name, times in seconds.items():
        ratios = [a / b for a, b in zip(times[WARM_UP:], seconds["none"][WARM_UP:], strict=True)]
        print(f"{group}={name:<20}{spread(ratios)}   {median(times[WARM_UP:]) / batches * 1e3:.1f} ms per batch")


def turns(*settings: str) -> Callable[[], None]:
    """Return a function that trains one batch of random pictures."""
    config = composition.compose("train", [*settings, "data=cifar10", "run_dir=unused"])
    torch.manual_seed(0)
    game = build(config.model).to("cuda" if torch.cuda.is_available() else "cpu")
    game._trainer = OneTurn(game)
    shape = (config.data.batch_size, config.data.channels, config.data.image_size, config.data.image_size)
    batch = {
        "image": (torch.rand(shape) * 2 - 1).to(game.device),
        "label": torch.randint(CLASSES, shape[:1]).to(game.device),
    }

    def step() -> None:
        game.training_step(batch, 0)
        game.loss_history.clear()

    return step


def doctor(clock: str, overrides: list[str]) -> None:
    """Print the share of a run's time that the doctor takes."""
    TimedDoctor.now = staticmethod(CLOCKS[clock])
    run("metric=none", *overrides, "callbacks.doctor._target_=__main__.TimedDoctor")
    share = TimedDoctor.seconds / TimedDoctor.total
    per_check = TimedDoctor.seconds / TimedDoctor.checks
    checks = f"{TimedDoctor.checks} checks of {per_check * 1e3:.0f} ms"
    print(f"doctor: {share:.2%} of {TimedDoctor.total:.1f} s of training; {checks}")


def spread(ratios: list[float]) -> str:
    """Return the median and the range of the ratios as text."""
    return f"{median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})"


def main(arguments: list[str]) -> None:
    """Run one of the comparisons."""
    os.environ["FORCE_COLOR"] = "1"  # the progress bar of a terminal, wherever this runs
    which, *rest = arguments or ["--help"]
    given = dict(a.split("=", 1) for a in rest if a.startswith(OPTIONS))
    overrides = [a for a in rest if a.partition("=")[0] not in given]
    settings = {
        "chunks": int(given.get("chunks", 12)),
        "batches": int(given.get("batches", 4)),
        "clock": given.get("clock", "wall"),
        "overrides": overrides,
    }
    names = [name for name in given.get("names", "").split(",") if name]
    comparisons: Mapping[str, Callable[[], None]] = {
        "models": partial(models, names, given.get("average", "true"), **settings),
        "penalties": partial(compared, "penalty", ["model=dcgan", "loss=hinge", "normalization=none"], **settings),
        "normalizations": partial(compared, "normalization", ["model=dcgan", "loss=hinge"], **settings),
        "doctor": partial(doctor, settings["clock"], overrides),
    }
    if which not in comparisons:
        sys.exit(__doc__)
    comparisons[which]()


if __name__ == "__main__":
    composition.register_resolvers()
    main(sys.argv[1:])
