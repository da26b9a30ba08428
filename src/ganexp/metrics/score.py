"""What a score is, and what every metric of generated images has in common."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat


class Score(NamedTuple):
    """A value, and where the metric gives one, how much it varies: over splits, subsets or seeds."""

    value: float
    spread: float | None = None


@dataclass(frozen=True)
class Moments:
    """Count, mean (D,) and unbiased covariance (D, D) of features, in float64."""

    count: int
    mean: Tensor
    covariance: Tensor


class Reference(Protocol):
    """The real images that fakes are compared with, as features; each kind is computed when first asked for."""

    def moments(self) -> Moments:
        """Return the moments of the real features."""

    def features(self) -> Tensor:
        """Return the real features (M, D), float32, in the order of the images."""


class SampleMetric(Metric):
    """A torchmetrics Metric of generated images that is updated with their features, not with the images.

    So any number of metrics share one pass of samples and of features. ``samples`` is how many fakes there will
    be in all; each has a number below it, which makes the result independent of the order of the batches and of
    the number of ranks. Compute returns a Score by name, "" where there is only one.
    """

    output: ClassVar[str] = "features"
    """Which output of the extractor it is updated with: features (B, D) or logits (B, K)."""
    is_differentiable = False
    full_state_update = False

    def __init__(self, reference: Reference | None, samples: int) -> None:
        super().__init__()
        self.reference = reference
        self.samples = samples

    def update(self, features: Tensor, number: Tensor) -> None:
        """Take features (B, D) of the fakes with these numbers (B,)."""
        raise NotImplementedError("a metric says what it keeps of the features")

    def compute(self) -> dict[str, Score]:
        """Return the scores of all fakes, over all ranks."""
        raise NotImplementedError("a metric says what it computes")

    def settings(self) -> dict[str, int | float | str]:
        """Return the metric's own part of the protocol, such as the number of splits."""
        return {}


class FeatureStore(SampleMetric):
    """A metric that needs all features at once."""

    kept: list[Tensor]
    numbers: list[Tensor]

    def __init__(self, reference: Reference | None, samples: int) -> None:
        super().__init__(reference, samples)
        self.add_state("kept", [], dist_reduce_fx="cat")
        self.add_state("numbers", [], dist_reduce_fx="cat")

    def update(self, features: Tensor, number: Tensor) -> None:
        """Keep the features."""
        self.kept.append(features.float())
        self.numbers.append(number)

    def fake(self) -> Tensor:
        """Return all features (N, D) in the order of their numbers."""
        return dim_zero_cat(self.kept)[dim_zero_cat(self.numbers).argsort()]
