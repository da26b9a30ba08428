"""Two-dimensional mixtures of Gaussians with known density."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.memory import InMemory
from ganexp.data.module import ImageDataModule
from ganexp.data.placement import DEVICE_MEMORY_SHARE
from ganexp.data.storage import Store
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator

MARGIN_STDS = 4


class Mixture:
    """A mixture of K round Gaussians in the plane: centres (K, 2), one standard deviation, weights (K,).

    The weights are normalized to sum to 1; by default, all modes have equal weight. Generators end in tanh, so
    each centre must be at least four standard deviations inside [-1, 1].
    Raises UserError if one is not, if std is not positive, or for invalid shapes or weights.
    """

    def __init__(self, centres: Sequence[Sequence[float]], std: float, weights: Sequence[float] | None = None) -> None:
        if not centres or any(len(centre) != 2 for centre in centres):
            raise UserError("a mixture needs a list of centres with two coordinates each: [[0.5, 0], [-0.5, 0]].")
        if not std > 0:
            raise UserError(f"a mixture with std={std} has no density: std must be above 0.")
        if weights is None:
            weights = [1.0] * len(centres)
        if len(weights) != len(centres) or min(weights) < 0 or not sum(weights) > 0:
            raise UserError(
                f"a mixture of {len(centres)} modes needs as many weights, none negative and not all 0; "
                f"got {list(weights)}."
            )
        self.centres = torch.tensor(centres, dtype=torch.float64)
        reach = float(self.centres.abs().max()) + MARGIN_STDS * std
        if not reach <= 1:
            raise UserError(
                f"a mixture must lie in [-1, 1], {MARGIN_STDS} standard deviations included, and this one "
                f"reaches {reach:.3g}: move its centres inwards or lower std={std}."
            )
        self.std = std
        self.weights = torch.tensor(weights, dtype=torch.float64) / sum(weights)

    def sample(self, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return points, float32 (number, 2), and the mode of each, int64 (number,)."""
        modes = torch.multinomial(self.weights, number, replacement=True, generator=generator)
        noise = torch.randn(number, 2, dtype=torch.float64, generator=generator)
        return (self.centres[modes] + self.std * noise).float(), modes


def ring(modes: int = 8, radius: float = 0.8, std: float = 0.01) -> Mixture:
    """Return modes of equal weight, evenly spaced on a circle around 0, the first on the positive x axis.

    Raises UserError if modes is below 1 or the ring does not fit into [-1, 1].
    """
    if modes < 1:
        raise UserError(f"data.mixture.modes={modes}: a mixture needs at least one mode.")
    angles = [2 * math.pi * mode / modes for mode in range(modes)]
    return Mixture([[radius * math.cos(angle), radius * math.sin(angle)] for angle in angles], std)


def grid(side: int = 5, extent: float = 0.8, std: float = 0.02) -> Mixture:
    """Return side x side modes of equal weight, evenly spaced over the square [-extent, extent]^2.

    Raises UserError if side is below 2 or the grid does not fit into [-1, 1].
    """
    if side < 2:
        raise UserError(f"data.mixture.side={side}: a grid needs at least two modes per side.")
    line = [extent * (2 * step / (side - 1) - 1) for step in range(side)]
    return Mixture([[x, y] for x in line for y in line], std)


def custom(centres: Sequence[Sequence[float]], std: float, weights: Sequence[float] | None = None) -> Mixture:
    """Return the mixture with these centres, standard deviation and weights.

    Raises UserError as `Mixture` does.
    """
    return Mixture(centres, std, weights)


class GaussianData(ImageDataModule):
    """Batches {"image": (B, 2, 1, 1)} of points of a mixture, float32, with their mode as "label" (B,).

    The points are drawn once, from (seed, "gaussians"). Labels are included if num_classes is given.
    `batch_size` and `device_memory_share` are those of `ImageDataModule`. To models, points are images of image_size 1
    with 2 channels.

    Raises UserError if num_classes is not the number of modes, points is below 1, or image_size or channels
    have other values.
    """

    def __init__(
        self,
        mixture: Mixture,
        name: str,
        batch_size: int,
        seed: int,
        num_classes: int | None = None,
        points: int = 100_000,
        image_size: int | Sequence[int] = 1,
        channels: int = 2,
        device_memory_share: float = DEVICE_MEMORY_SHARE,
    ) -> None:
        super().__init__(
            name, image_size, channels, num_classes, batch_size, seed, device_memory_share=device_memory_share
        )
        if (self.image_size, channels) != ((1, 1), 2):
            raise UserError("points in the plane have data.image_size=1 and data.channels=2.")
        if points < 1:
            raise UserError(f"data.points={points}: give at least one point.")
        if num_classes is not None and num_classes != len(mixture.centres):
            raise UserError(
                f"data.num_classes={num_classes}, but the mixture has {len(mixture.centres)} modes: "
                f"data.num_classes={len(mixture.centres)}, or null to ignore the labels."
            )
        self.mixture = mixture
        self.points = points
        self._dataset: InMemory | None = None

    def setup(self, stage: str = "fit") -> None:
        """Draw the points; a second call does nothing."""
        if self._dataset is not None:
            return
        points, modes = self.mixture.sample(self.points, generator(self.seed, "gaussians"))
        self._dataset = InMemory(points[:, :, None, None], None if self.num_classes is None else modes)
        self._log(f"{self.points:,} points of {len(self.mixture.centres)} modes")

    @property
    def dataset(self) -> InMemory:
        """The points as images (N, 2, 1, 1), and their modes, after `setup`."""
        if self._dataset is None:
            raise self._not_set_up()
        return self._dataset

    @property
    def num_images(self) -> int:
        """The number of points."""
        return self.points

    def _training_stores(self) -> Sequence[Store]:
        return (self.dataset,)

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return an endless loader that starts at the trainer's current batch.

        Raises UserError if the batch size does not fit the number of points or of ranks.
        """
        return self._image_loader(self.dataset)
