"""Scores, and the base class of all metrics of generated images."""

from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from ganexp.errors import NotFinite, UserError
from ganexp.metrics.moments import Moments


class Score(NamedTuple):
    """A value and, where available, its standard deviation over splits, subsets or seeds."""

    value: float
    spread: float | None = None


class Reference(Protocol):
    """Features and moments of the real images that fakes are compared with, computed on first use."""

    def moments(self) -> Moments:
        """Return the moments of the real features."""

    def features(self) -> Tensor:
        """Return the real features (M, D), float32, in the order of the images."""


class SampleMetric(Metric):
    """A torchmetrics Metric of generated images that is updated with their features, not with the images.

    Any number of metrics can thus share one pass over samples and features. ``samples`` is the total number of
    fakes; each has a number below it, which makes the result independent of the order of the batches and of the
    number of ranks. ``compute`` returns Scores by name, "" where there is only one. Subclasses implement
    ``accumulate``, which updates the state, and ``scores``, which computes the result.
    """

    output: ClassVar[str] = "features"
    """The extractor output that the metric is updated with: features (B, D) or logits (B, K)."""
    against_real: ClassVar[bool] = True
    """Whether the metric compares with real images; if not, ``reference`` is ignored."""
    parts: ClassVar[tuple[str, ...] | None] = None
    """The names of ``scores``, by which a run's monitor is checked before training; None where they are not known."""
    fewest: int = 1
    """The number of images, and of real ones where they are compared with, that the scores need at least."""
    is_differentiable = False
    full_state_update = False
    non_finite: Tensor

    def __init__(self, reference: Reference | None, samples: int) -> None:
        super().__init__()
        self.reference = reference
        self.samples = samples
        self.add_state("non_finite", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @property
    def real(self) -> Reference:
        """The reference; raises UserError if there is none."""
        if self.reference is None:
            raise UserError(f"{type(self).__name__} compares with real images, but there are none.")
        return self.reference

    def update(self, features: Tensor, number: Tensor) -> None:
        """Update with features (B, D) of the fakes with these numbers (B,); B may be 0."""
        self.non_finite = self.non_finite + (~features.isfinite().all(1)).sum()
        self.accumulate(features, number)

    def compute(self) -> dict[str, Score]:
        """Return the scores of all fakes, over all ranks; raises NotFinite if features are not finite."""
        # Checked only after synchronisation: a rank that raised alone would leave the others waiting for it.
        if self.non_finite:
            raise NotFinite(
                f"{int(self.non_finite)} of {self.samples} samples have features that are not finite",
                "do the images contain NaN?",
            )
        return self.scores()

    def accumulate(self, features: Tensor, number: Tensor) -> None:
        """Update the state with features (B, D)."""
        raise NotImplementedError("subclasses update the state")

    def scores(self) -> dict[str, Score]:
        """Return the scores from the state after all updates."""
        raise NotImplementedError("subclasses compute the scores")

    def settings(self) -> dict[str, int | float | str]:
        """Return the metric's own part of the protocol, such as the number of splits."""
        return {}


class FeatureStore(SampleMetric):
    """Base of metrics that need all features at once."""

    stored: list[Tensor]
    numbers: list[Tensor]

    def __init__(self, reference: Reference | None, samples: int) -> None:
        super().__init__(reference, samples)
        self.add_state("stored", [], dist_reduce_fx="cat")
        self.add_state("numbers", [], dist_reduce_fx="cat")

    def accumulate(self, features: Tensor, number: Tensor) -> None:
        """Store the features."""
        self.stored.append(features.float())
        self.numbers.append(number)

    def fake(self) -> Tensor:
        """Return all features (N, D) in the order of their numbers."""
        return dim_zero_cat(self.stored)[dim_zero_cat(self.numbers).argsort()]

    def pair(self) -> tuple[Tensor, Tensor]:
        """Return the features of all fakes (N, D) and of all real images (M, D), on one device."""
        fake = self.fake()
        return fake, self.real.features().to(fake.device)
