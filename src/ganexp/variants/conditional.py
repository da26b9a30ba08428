"""Conditional generative adversarial nets (arXiv 1411.1784): both players are told the class."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ganexp.game.module import Batch, Terms
from ganexp.numerics.randomness import blocks
from ganexp.numerics.randomness import generator as rng
from ganexp.variants.adversary import Critic
from ganexp.variants.gan import GAN


class ConditionalGAN(GAN):
    """A GAN whose networks also take labels (N,) in [0, num_classes).

    Labels of fakes are drawn uniformly and afresh for each player's turn.
    """

    def __init__(self, num_classes: int, **gan: Any) -> None:
        super().__init__(**gan)
        self.num_classes = num_classes
        self.columns = min(num_classes, 10)

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Tell real from fake, given the label (eq. 2)."""
        real, label = batch["image"], batch["label"]
        fake_label = self.draw_labels("discriminator", len(real))
        with torch.no_grad():
            fake = self.generator(self.draw_noise("discriminator", len(real)), fake_label)
        return self.told_apart(real, fake, *self.critics(label, fake_label))

    def generator_loss(self, batch: Batch) -> Terms:
        """Pass for a real image of the label drawn."""
        real, label = batch["image"], batch["label"]
        fake_label = self.draw_labels("generator", len(real))
        fake = self.generator(self.draw_noise("generator", len(real)), fake_label)
        return self.passed_off(real, fake, *self.critics(label, fake_label))

    def critics(self, label: Tensor, fake_label: Tensor) -> tuple[Critic, Critic]:
        """Return the discriminator for real images and for fake ones, each told their labels."""
        return lambda images: self.discriminator(images, label), lambda images: self.discriminator(images, fake_label)

    def draw_labels(self, player: str, n: int) -> Tensor:
        """Draw labels (n,) afresh for a player's turn."""
        return self.draw(
            f"{player} labels",
            n,
            lambda total, r: torch.randint(self.num_classes, (total,), generator=r, device=r.device),
        )

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Return ``n`` images (n, C, H, W) in [-1, 1] of the labels, in turn and again from the first.

        Without labels the classes come in turn, as many as a grid has columns. Raises ValueError naming the
        labels outside of [0, num_classes).
        """
        wanted = list(labels) if labels is not None else list(range(self.columns))
        wrong = [label for label in wanted if not 0 <= label < self.num_classes]
        if wrong or not wanted:
            raise ValueError(f"labels={wrong}: this model knows the classes 0 to {self.num_classes - 1}")
        asked = torch.tensor(wanted).repeat(n)[:n]
        drawn = [self.generate(self.sample_noise(block, seed), asked[block]) for block in blocks(n)]
        return torch.cat(drawn)

    def sample_numbered(self, numbers: Tensor, seed: int) -> Tensor:
        """Return the samples with these numbers (B,), one of the ``blocks``; their classes come in turn."""
        return self.generate(self.sample_noise(numbers, seed), numbers.cpu() % self.num_classes)

    def latest(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, classes in turn, and the discriminator told them."""
        noise = self.noise((n, self.latent), rng(self.seed, "latest", self.batches_seen))
        label = (torch.arange(n) % self.num_classes).to(self.device)
        fake = self.generate(noise, label, network=self.generator)
        _, critic = self.critics(label, label)
        return fake, critic

    def standing_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches of noise and of labels drawn uniformly."""
        for number, (noise,) in enumerate(super().standing_inputs()):
            labels = torch.randint(self.num_classes, (len(noise),), generator=rng(self.seed, "standing labels", number))
            yield noise, labels.to(self.device)
