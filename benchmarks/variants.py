"""What each model costs beside a bare PyTorch loop, and what penalties, normalizations and the doctor add.

    python benchmarks/variants.py models [names=dcgan,biggan] [average=true] [chunks=12] [batches=4] [clock=wall] […]
    python benchmarks/variants.py penalties [chunks=12] [batches=4] [clock=wall] […]
    python benchmarks/variants.py normalizations [chunks=12] [batches=4] [clock=wall] […]
    python benchmarks/variants.py doctor [clock=wall] […]

``models`` runs ganexp as users do, on random pictures of CIFAR-10's size, and after each chunk of its batches a bare
loop of the same networks, loss, penalties, optimizers and moving average of the generator. The average is part of the
algorithm, as its weights draw the samples that are scored (arXiv 1809.11096, 2501.05441); with ``average=false`` the
bare loop leaves it out. It always leaves out logging and the loop around. ``penalties`` and ``normalizations`` time the
turns of otherwise equal games, one chunk of each after the other. ``doctor`` sums the time spent in its hooks while a
run goes on. A chunk is so many turns of the generator. ``clock=processor`` is for a machine with other work, as in
train_step.py. Further arguments are ganexp's own overrides.
"""

import copy
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

os.environ["FORCE_COLOR"] = "1"  # the progress bar of a terminal, wherever this runs

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganexp.callbacks.doctor import Doctor
from ganexp.cli import main as cli
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.config.matrix import model_parts, options
from ganexp.penalties import CriticTurn
from ganexp.variants.acgan import ACGAN
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.gan import GAN
from train_step import CLOCKS, IMAGES, WARM_UP, Alternate, RandomPictures, wait

PICTURES = ["data=cifar10", f"data.source._target_=__main__.{RandomPictures.__name__}", "metric=none"]
BUDGET = 200_000  # decides how often is logged, drawn and saved; the timing stops long before
CLASSES = 10
OPTIONS = ("names=", "average=", "chunks=", "batches=", "clock=")

Make = Callable[[Tensor, Tensor], Tensor]
Answer = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def unlabelled(generator: nn.Module, discriminator: nn.Module) -> tuple[Make, Answer]:
    """Return how images are made of noise and labels, and answered by logits and a further term of the loss."""
    return lambda noise, label: generator(noise), lambda images, label: (discriminator(images), torch.zeros(()))


def told(generator: nn.Module, discriminator: nn.Module) -> tuple[Make, Answer]:
    """Return the same where both players are told the label."""
    return generator, lambda images, label: (discriminator(images, label), torch.zeros(()))


def naming(generator: nn.Module, discriminator: nn.Module) -> tuple[Make, Answer]:
    """Return the same where the discriminator names the label."""

    def answer(images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        logits, classes = discriminator(images)
        return logits, cross_entropy(classes, label)

    return generator, answer


def kind_of(game: GAN) -> Callable[[nn.Module, nn.Module], tuple[Make, Answer]]:
    """Return how the players of a game are called."""
    return naming if isinstance(game, ACGAN) else told if isinstance(game, ConditionalGAN) else unlabelled


def bare_average(game: GAN, generator: nn.Module) -> Callable[[], None]:
    """Return a function that moves a moving average of a generator, by plain PyTorch."""
    if game.average is None:
        return lambda: None
    average, decay = copy.deepcopy(game.average.network), game.average.decay
    averaged, moved = list(average.parameters()), list(generator.parameters())
    copied, buffers = list(average.buffers()), list(generator.buffers())

    @torch.no_grad()
    def follow() -> None:
        torch._foreach_lerp_(averaged, moved, 1 - decay)
        if copied:
            torch._foreach_copy_(copied, buffers)

    return follow


def bare_loop(game: GAN, batch_size: int, average: bool = True) -> Callable[[], None]:
    """Return a function that trains one batch of the game's arithmetic on copies of its networks, by plain PyTorch."""
    device = game.device
    generator, discriminator = copy.deepcopy(game.generator), copy.deepcopy(game.discriminator)
    penalties = copy.deepcopy(game.adversary.penalties)
    make, answer = kind_of(game)(generator, discriminator)
    step_d = game.optimizer_of["discriminator"](discriminator.parameters())
    step_g = game.optimizer_of["generator"](generator.parameters())
    follow = bare_average(game, generator) if average else lambda: None
    side, channels = picture_shape(game)
    data = torch.randint(0, 256, (IMAGES, channels, side, side), dtype=torch.uint8)
    rng = torch.Generator(device).manual_seed(0)
    batches = 0

    def drawn() -> tuple[Tensor, Tensor]:
        label = torch.randint(CLASSES, (batch_size,), device=device)
        return game.noise((batch_size, game.latent), rng), label

    def turn_of_d(real: Tensor, label: Tensor) -> None:
        noise, fake_label = drawn()
        with torch.no_grad():
            fake = make(noise, fake_label)
        (real_logits, real_term), (fake_logits, fake_term) = answer(real, label), answer(fake, fake_label)
        loss = game.loss.discriminator(real_logits, fake_logits) + real_term + fake_term
        critics = (lambda images: answer(images, label)[0]), (lambda images: answer(images, fake_label)[0])
        for penalty in penalties.values():
            if batches % penalty.every == 0:
                turn = CriticTurn(*critics, real, fake, real_logits, fake_logits, lambda n, sample: sample(n, rng))
                loss = loss + penalty.term(turn)
        loss.backward()
        step_d.step()
        step_d.zero_grad()
        if game.constraint is not None:
            game.constraint(discriminator)

    def turn_of_g(real: Tensor, label: Tensor) -> None:
        discriminator.requires_grad_(False)
        noise, fake_label = drawn()
        logits, term = answer(make(noise, fake_label), fake_label)
        loss = game.loss.generator(logits, lambda: answer(real, label)[0]) + term
        for regularization in game.regularizations.values():
            loss = loss + regularization(generator)
        loss.backward()
        step_g.step()
        step_g.zero_grad()
        discriminator.requires_grad_(True)
        follow()

    def step() -> None:
        nonlocal batches
        real = data[torch.randint(IMAGES, (batch_size,))].to(device).float() / 127.5 - 1
        label = torch.randint(CLASSES, (batch_size,), device=device)
        turn_of_d(real, label)
        batches += 1
        if batches % game.critic_steps == 0:
            turn_of_g(real, label)

    return step


def picture_shape(game: GAN) -> tuple[int, int]:
    """Return side and channels of the game's images."""
    images, _ = game.current_samples(1, {})
    return images.shape[-1], images.shape[1]


class AgainstBare(Alternate):
    """After each chunk of ganexp's batches takes as many of the game's own bare loop."""

    def __init__(self, average: bool, **often: Any) -> None:
        super().__init__(**often)
        self.average = average

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        self.batches = self.batches * module.critic_steps
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
        wait()  # for what the device still has to do of the turn
        TimedDoctor.seconds -= self.now() - started

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        TimedDoctor.total = self.now() - self.started

    def timed(self, hook: Callable[..., None], *arguments: Any) -> None:
        started = self.now()
        hook(*arguments)
        TimedDoctor.seconds += self.now() - started


def run(*settings: str) -> None:
    """Train as a user does."""
    with tempfile.TemporaryDirectory() as folder:
        status = cli.main([*settings, f"run_dir={folder}/run"])
    if status:
        sys.exit(status)


def models(names: list[str], average: str, chunks: int, batches: int, clock: str, overrides: list[str]) -> None:
    """Print each model's time beside the bare loop's."""
    often = f"chunks: {chunks + WARM_UP}, batches: {batches}, clock: {clock}, average: {average}"
    alternate = f"+callbacks.alternate={{_target_: __main__.AgainstBare, {often}}}"
    for name in names or [each for each in options("model") if not model_parts(each)["requires"].get("inputs")]:
        size = ["data.image_size=28"] if name == "dcgan_tutorial" else []
        run(f"model={name}", *PICTURES, f"images={BUDGET}", *size, *overrides, alternate)
        ours, bare = (Alternate.results[key][WARM_UP:] for key in ("ganexp", "bare"))
        ratios = [a / b for a, b in zip(ours, bare, strict=True)]
        print(f"{name:<18}{spread(ratios)}   {median(ours) / batches * 1e3:.1f} ms a turn of the generator")


def compared(group: str, settings: list[str], chunks: int, batches: int, clock: str, overrides: list[str]) -> None:
    """Print what each option of a group costs beside none, in games that are otherwise equal."""
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
        print(f"{group}={name:<20}{spread(ratios)}   {median(times[WARM_UP:]) / batches * 1e3:.1f} ms a batch")


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
    each = TimedDoctor.seconds / TimedDoctor.checks
    checks = f"{TimedDoctor.checks} checks of {each * 1e3:.0f} ms"
    print(f"doctor: {share:.2%} of {TimedDoctor.total:.1f} s of training; {checks}")


def spread(ratios: list[float]) -> str:
    """Return the middle and the ends of some ratios."""
    return f"{median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})"


def main(arguments: list[str]) -> None:
    """Run one of the comparisons."""
    which, *rest = arguments or ["--help"]
    ours = dict(a.split("=", 1) for a in rest if a.startswith(OPTIONS))
    overrides = [a for a in rest if a.partition("=")[0] not in ours]
    often = {
        "chunks": int(ours.get("chunks", 12)),
        "batches": int(ours.get("batches", 4)),
        "clock": ours.get("clock", "wall"),
        "overrides": overrides,
    }
    names = [name for name in ours.get("names", "").split(",") if name]
    comparisons: Mapping[str, Callable[[], None]] = {
        "models": partial(models, names, ours.get("average", "true"), **often),
        "penalties": partial(compared, "penalty", ["model=dcgan", "loss=hinge", "normalization=none"], **often),
        "normalizations": partial(compared, "normalization", ["model=dcgan", "loss=hinge"], **often),
        "doctor": partial(doctor, often["clock"], overrides),
    }
    if which not in comparisons:
        sys.exit(__doc__)
    comparisons[which]()


if __name__ == "__main__":
    composition.register_resolvers()
    main(sys.argv[1:])
