"""Bare PyTorch loops of a GAN's networks and losses, eager and in CUDA graphs: what a training loop is compared with.

The networks, losses, penalties, optimizers and the moving average are copies of a ganexp game's; nothing of Lightning
or of the game's own loop is used. Normalizations update their statistics and vectors in every forward pass.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from bare_trained import moving_average
from ganexp.penalties.base import CriticTurn, Penalty
from ganexp.variants.acgan import ACGAN
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.gan import GAN

CLASSES = 10
EAGER_BATCHES = 3
"""The number of times that a turn runs eagerly before it is captured: optimizers and cuDNN allocate in the first."""

Generate = Callable[[Tensor, Tensor], Tensor]
"""From noise (N, latent) and labels (N,) to images (N, C, H, W)."""
Judge = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From images (N, C, H, W) and labels (N,) to logits (N, …) and a further term of both players' losses, a scalar."""
Draw = Callable[[str, int, Callable[[int, torch.Generator], Tensor]], Tensor]
"""From a purpose, a number of rows and a distribution to random rows."""
Batch = tuple[Tensor, Tensor]
"""Images (N, C, H, W) in [-1, 1] and labels (N,)."""


def unconditional(generator: nn.Module, discriminator: nn.Module) -> tuple[Generate, Judge]:
    """Return the players as functions of images and labels, of which they use the images alone."""

    def judge(images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return discriminator(images), torch.zeros((), device=images.device)

    return lambda noise, label: generator(noise), judge


def conditional(generator: nn.Module, discriminator: nn.Module) -> tuple[Generate, Judge]:
    """Return the players as functions of images and labels, both of which they are given."""

    def judge(images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return discriminator(images, label), torch.zeros((), device=images.device)

    return generator, judge


def classifying(generator: nn.Module, discriminator: nn.Module) -> tuple[Generate, Judge]:
    """Return the players as functions of images and labels, where the discriminator predicts the label."""

    def judge(images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        logits, classes = discriminator(images)
        return logits, cross_entropy(classes, label)

    return generator, judge


def kind_of(game: GAN) -> Callable[[nn.Module, nn.Module], tuple[Generate, Judge]]:
    """Return how the players of a game are called."""
    if isinstance(game, ACGAN):
        return classifying
    return conditional if isinstance(game, ConditionalGAN) else unconditional


def bare_average(game: GAN, generator: nn.Module) -> Callable[[], None]:
    """Return a function that updates a moving average of a generator, by plain PyTorch."""
    if game.average is None:
        return lambda: None
    return moving_average(generator, game.average.decay)


def draw_from_the_default_generator(device: torch.device) -> Draw:
    """Return a function that draws from torch's default generator of a device, which CUDA graphs advance by themselves.

    The purpose is ignored.
    """
    default = torch.default_generator
    if device.type == "cuda":
        torch.cuda.init()
        default = torch.cuda.default_generators[torch.cuda.current_device()]
    return lambda purpose, n, sample: sample(n, default)


class BareGame:
    """Turns of a GAN by plain PyTorch, on copies of a game's networks, with fresh noise of ``draw`` for each.

    ``average`` is whether the generator has a moving average where the game has one. Schedules are left out.
    """

    def __init__(self, game: GAN, draw: Draw, average: bool = True) -> None:
        self.generator, self.discriminator = copy.deepcopy(game.generator), copy.deepcopy(game.discriminator)
        self.penalties: Mapping[str, Penalty] = copy.deepcopy(game.adversary.penalties)
        self.regularizations = list(game.regularizations.values())
        self.generate, self.judge = kind_of(game)(self.generator, self.discriminator)
        self.optimizer_d: Optimizer = game.optimizer_of["discriminator"](self.discriminator.parameters())
        self.optimizer_g: Optimizer = game.optimizer_of["generator"](self.generator.parameters())
        self.update_average = bare_average(game, self.generator) if average else lambda: None
        self.noise, self.latent, self.loss, self.constraint = game.noise, game.latent, game.loss, game.constraint
        self.classes = game.num_classes if isinstance(game, ConditionalGAN) else CLASSES
        self.critic_steps = game.critic_steps
        self.draw = draw
        self.generator.train()
        self.discriminator.train()

    def due(self, batches: int) -> tuple[str, ...]:
        """Return the names of the penalties that are due on the next batch, after ``batches`` batches."""
        return tuple(name for name, penalty in self.penalties.items() if batches % penalty.every == 0)

    def discriminator_turn(self, real: Tensor, label: Tensor, penalties: tuple[str, ...]) -> None:
        """Take one optimizer step of the discriminator on real images and on fakes, with these penalties."""
        noise, fake_label = self.inputs("discriminator", len(real))
        with torch.no_grad():
            fake = self.generate(noise, fake_label)
        due = [self.penalties[name] for name in penalties]
        judged_real = real.detach().requires_grad_(any(penalty.differentiates("real", real) for penalty in due))
        judged_fake = fake.detach().requires_grad_(any(penalty.differentiates("fake", fake) for penalty in due))
        real_logits, real_term = self.judge(judged_real, label)
        fake_logits, fake_term = self.judge(judged_fake, fake_label)
        loss = self.loss.discriminator(real_logits, fake_logits)
        for name in penalties:
            turn = CriticTurn(
                critic=lambda images: self.judge(images, label)[0],
                fake_critic=lambda images: self.judge(images, fake_label)[0],
                real=real,
                fake=fake,
                real_logits=real_logits,
                fake_logits=fake_logits,
                draw=partial(self.draw, f"penalty {name}"),
                judged_real=judged_real if judged_real.requires_grad else None,
                judged_fake=judged_fake if judged_fake.requires_grad else None,
            )
            loss = loss + self.penalties[name].term(turn)
        (loss + (real_term + fake_term)).backward()
        self.optimizer_d.step()
        self.optimizer_d.zero_grad()
        if self.constraint is not None:
            self.constraint(self.discriminator)

    def generator_turn(self, real: Tensor, label: Tensor) -> None:
        """Take one optimizer step of the generator, with the discriminator frozen, and update the moving average."""
        self.discriminator.requires_grad_(False)
        noise, fake_label = self.inputs("generator", len(real))
        logits, term = self.judge(self.generate(noise, fake_label), fake_label)
        loss = self.loss.generator(logits, lambda: self.judge(real, label)[0]) + term
        for regularization in self.regularizations:
            loss = loss + regularization(self.generator)
        loss.backward()
        self.optimizer_g.step()
        self.optimizer_g.zero_grad()
        self.discriminator.requires_grad_(True)
        self.update_average()

    def inputs(self, player: str, n: int) -> tuple[Tensor, Tensor]:
        """Return fresh noise (n, latent) and labels (n,) for a player's turn."""

        def labels(total: int, rng: torch.Generator) -> Tensor:
            return torch.randint(self.classes, (total,), generator=rng, device=rng.device)

        label = self.draw(f"{player} labels", n, labels)
        return self.draw(f"{player} noise", n, lambda total, rng: self.noise((total, self.latent), rng)), label


class EagerLoop:
    """Trains one batch per call of ``step``: a turn of the discriminator, and on every k-th one of the generator."""

    def __init__(self, game: BareGame, batches: Iterator[Batch]) -> None:
        self.game = game
        self.batches = batches
        self.seen = 0

    def step(self) -> None:
        """Train on the next batch."""
        real, label = next(self.batches)
        self.game.discriminator_turn(real, label, self.game.due(self.seen))
        if (self.seen + 1) % self.game.critic_steps == 0:
            self.game.generator_turn(real, label)
        self.seen += 1


class GraphedLoop:
    """The same loop with every kind of turn in a CUDA graph: forward, backward and the optimizer's step.

    A turn runs eagerly a few times on a side stream, is captured, and from then on replayed on the captured batch's
    memory. Turns with different penalties are captured apart.
    """

    def __init__(self, game: BareGame, batches: Iterator[Batch]) -> None:
        self.game = game
        self.batches = batches
        self.seen = 0
        self.memory: Batch | None = None
        self.stream = torch.cuda.Stream()
        self.pool = torch.cuda.graph_pool_handle()
        self.runs: dict[tuple[str, ...], int] = {}
        self.graphs: dict[tuple[str, ...], torch.cuda.CUDAGraph] = {}
        for optimizer in (game.optimizer_d, game.optimizer_g):
            for group in optimizer.param_groups:
                if "capturable" in group:
                    group["capturable"] = True

    def step(self) -> None:
        """Train on the next batch."""
        real, label = self.load(next(self.batches))
        due = self.game.due(self.seen)
        self.turn(("discriminator", *due), lambda: self.game.discriminator_turn(real, label, due))
        if (self.seen + 1) % self.game.critic_steps == 0:
            self.turn(("generator",), lambda: self.game.generator_turn(real, label))
        self.seen += 1

    def load(self, batch: Batch) -> Batch:
        """Copy a batch into the memory that the graphs read, and return that."""
        if self.memory is None:
            self.memory = batch[0].clone(), batch[1].clone()
        for target, source in zip(self.memory, batch, strict=True):
            target.copy_(source)
        return self.memory

    def turn(self, kind: tuple[str, ...], work: Callable[[], None]) -> None:
        """Run, capture or replay a turn."""
        if kind in self.graphs:
            self.graphs[kind].replay()
            return
        self.runs[kind] = self.runs.get(kind, 0) + 1
        if self.runs[kind] <= EAGER_BATCHES:
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                work()
            torch.cuda.current_stream().wait_stream(self.stream)
            return
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            work()
        self.graphs[kind] = graph
        graph.replay()


def random_batches(shape: tuple[int, int, int], batch_size: int, count: int, device: torch.device) -> Iterator[Batch]:
    """Yield endless random batches of ``count`` random images (C, H, W), which are kept as uint8 on the CPU."""
    data = torch.randint(0, 256, (count, *shape), dtype=torch.uint8)
    while True:
        real = data[torch.randint(count, (batch_size,))].to(device).float() / 127.5 - 1
        yield real, torch.randint(CLASSES, (batch_size,), device=device)


def image_shape(game: GAN) -> tuple[int, int, int]:
    """Return channels, height and width of a game's images."""
    images, _ = game.current_samples(1, {})
    channels, height, width = images.shape[1:]
    return channels, height, width
