"""Unpaired translation in one direction by contrasting patches (arXiv 2007.15651)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ganexp.augmentation.base import Augmentation
from ganexp.game import Batch, Player, Terms
from ganexp.penalties import Penalty, at_least_float32
from ganexp.randomness import generator as rng
from ganexp.variants.adversary import Adversary, Critic
from ganexp.variants.translation import FORWARD, Translation, in_turn


class PatchProjection(nn.Module):
    """Features at some positions of maps to directions in a common space, by a perceptron for each map (section 3).

    ``widths`` are the maps' channels; each perceptron has one hidden layer of ``features`` and as many outputs.
    """

    def __init__(self, widths: Sequence[int], features: int = 256) -> None:
        super().__init__()
        self.perceptrons = nn.ModuleList(
            nn.Sequential(nn.Linear(width, features), nn.ReLU(), nn.Linear(features, features)) for width in widths
        )

    def forward(self, maps: Sequence[Tensor], positions: Sequence[Tensor]) -> list[Tensor]:
        """Return unit vectors (N, P, features) of maps (N, width, H, W) at their positions (P,) among H * W."""
        return [
            normalize(perceptron(each.flatten(2)[:, :, place].transpose(1, 2)), dim=2)
            for perceptron, each, place in zip(self.perceptrons, maps, positions, strict=True)
        ]


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Return the mean cross-entropy of picking each patch's own key among those of its image (eq. 2 and 3), a scalar.

    Both are unit vectors (N, P, features).
    """
    similarity = at_least_float32(queries) @ at_least_float32(keys).transpose(1, 2) / temperature
    own = torch.arange(keys.shape[1], device=keys.device).expand(len(keys), -1)
    return cross_entropy(similarity.flatten(0, 1), own.flatten())


class CUT(Translation):
    """A generator that keeps patches recognizable, against a discriminator of the domain b.

    It minimizes ``adversarial`` times the adversarial loss, ``nce`` times the contrastive loss of ``patches`` patches
    of input and output in each map of its own ``features``, and ``identity`` times the same of an image of b and what
    is made of that (eq. 5), each as the mean over maps and patches. ``generator`` has ``features`` and
    ``feature_widths``; from these ``projection`` builds what features are compared through, which moves with it. The
    generator moves first; the discriminator then sees the same fakes.
    """

    columns = 3

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        projection: Callable[[Sequence[int]], nn.Module] = PatchProjection,
        adversarial: float = 1.0,
        nce: float = 1.0,
        identity: float = 1.0,
        patches: int = 256,
        temperature: float = 0.07,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **translation: Any,
    ) -> None:
        moving = {FORWARD: generator, "projection": projection(generator.feature_widths)}  # type: ignore[arg-type]
        super().__init__(moving, **translation)
        self.discriminator = discriminator
        self.adversary = Adversary(self.loss, penalties, augmentation)
        self.constraint = constraint
        self.adversarial = adversarial
        self.nce = nce
        self.identity = identity
        self.patches = patches
        self.temperature = temperature
        self.fakes: dict[int, Tensor] = {}

    def players(self) -> list[Player]:
        """Return the generator with its projection, then the discriminator."""
        return [
            Player("generator", self.generators, self.generator_loss, average=self.average),
            Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint),
        ]

    def generator_loss(self, batch: Batch) -> Terms:
        """Pass for real, and keep patches recognizable."""
        given, real = batch["input"], batch["image"]
        fake = self.generators[FORWARD](given)
        self.fakes[self._part] = fake.detach()
        (seen,) = self.adversary.seen(self, "generator fake", fake)

        def real_logits() -> Tensor:
            return self.discriminator(*self.adversary.seen(self, "generator real", real))

        terms = {
            "adversarial": self.adversarial * self.loss.generator(self.discriminator(seen), real_logits),
            "nce": self.nce * self.contrast(given, fake),
        }
        if self.identity > 0:
            terms["identity"] = self.identity * self.contrast(real, self.generators[FORWARD](real))
        return terms

    def contrast(self, images: Tensor, made: Tensor) -> Tensor:
        """Return the contrastive loss of images and what was made of them, (N, C, H, W) each, a scalar.

        The images' own features get no gradient, as in the authors' code.
        """
        encoder: Any = self.generators[FORWARD]
        projection = self.generators["projection"]
        with torch.no_grad():
            known = encoder.features(images)
            positions = [self.positions(number, maps) for number, maps in enumerate(known)]
            keys = projection(known, positions)
        queries = projection(encoder.features(made), positions)
        losses = [patch_nce(*each, self.temperature) for each in zip(queries, keys, strict=True)]
        return torch.stack(losses).mean()

    def positions(self, number: int, maps: Tensor) -> Tensor:
        """Draw positions (P,) among H * W for one of the maps (N, width, H, W), the same for all images of a batch."""
        draw = rng(self.seed, f"patches {number}", self.batches_seen, maps.device)
        return torch.randperm(maps.shape[2] * maps.shape[3], generator=draw, device=maps.device)[: self.patches]

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Tell real from fake."""
        (real,) = self.adversary.seen(self, "discriminator real", batch["image"])
        (fake,) = self.adversary.seen(self, "discriminator fake", self.fakes.pop(self._part))
        critic = self.discriminator
        terms, real_logits, fake_logits = self.adversary.told_apart(self, real, fake, critic, critic)
        self.watch(real=real_logits, fake=fake_logits)
        return terms

    def grid(self, examples: Batch) -> Tensor:
        """Return input and output of each example, and what is made of its image of b, (N * columns, C, H, W)."""
        given = examples["input"]
        return in_turn(given, self.translate(given), self.translate(examples["image"]))

    def latest(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return what the generator as it is now makes of the batch's first ``n`` inputs, and the discriminator."""
        return self.made_by(self.generators[FORWARD], batch["input"][:n]), self.discriminator
