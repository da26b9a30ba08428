"""Truncation trick: the trade-off between diversity and fidelity (arXiv 1809.11096, section 3.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.analysis.drawing import rows, save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import save
from ganexp.errors import UserError
from ganexp.metrics.frechet import frechet_distance
from ganexp.metrics.moments import moments, power_sums
from ganexp.metrics.neighbours import in_each_others_balls, radii, share
from ganexp.noise import truncated
from ganexp.numerics.randomness import generator as rng

NEIGHBOURS = 3


@dataclass(frozen=True)
class TradeOff:
    """Quality and diversity of samples compared with real images, in feature space.

    ``precision`` is the share of samples in the nearest-neighbour balls of real images, ``recall`` that of real images
    in the balls of samples (arXiv 1904.06991), ``diversity`` the ratio of the samples' total variance to that of real
    images, and ``distance`` the Fréchet distance.
    """

    precision: float
    recall: float
    diversity: float
    distance: float


def trade_off(fake: Tensor, real: Tensor) -> TradeOff:
    """Return the quality and diversity of features fake (N, D) compared with features real (M, D)."""
    precise, recalled = in_each_others_balls(fake, real, radii(fake, NEIGHBOURS), radii(real, NEIGHBOURS))
    fake_moments, real_moments = moments(power_sums(fake)), moments(power_sums(real))
    diversity = float(fake_moments.covariance.trace() / real_moments.covariance.trace())
    return TradeOff(share(precise), share(recalled), diversity, frechet_distance(fake_moments, real_moments))


def plot_trade_offs(thresholds: Sequence[float], truncated: Sequence[TradeOff], untruncated: TradeOff) -> Figure:
    """Draw precision, recall, diversity and Fréchet distance against the threshold; dashed without truncation."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    shares, distances = figure.subplots(1, 2)
    for axis, names in ((shares, ("precision", "recall", "diversity")), (distances, ("distance",))):
        for name in names:
            (drawn,) = axis.plot(thresholds, [getattr(scores, name) for scores in truncated], marker="o", label=name)
            axis.axhline(getattr(untruncated, name), color=drawn.get_color(), linestyle="--", linewidth=0.8)
        axis.set_xlabel("threshold")
        axis.set_ylim(bottom=0)
    shares.legend(fontsize="small")
    distances.set_ylabel("Fréchet distance")
    return figure


class Truncation:
    """Samples, and their quality and diversity, for noise truncated at ``thresholds`` and for untruncated noise.

    ``samples`` samples are compared with as many training images; ``shown`` of them are drawn for each threshold.

    Raises UserError unless there are thresholds, and all are finite numbers above 0.
    """

    def __init__(
        self, thresholds: Sequence[float] = (0.25, 0.5, 1.0, 1.5, 2.0), samples: int = 1000, shown: int = 12
    ) -> None:
        require_at_least(1, shown=shown)
        require_at_least(NEIGHBOURS + 1, samples=samples)
        if not thresholds or not all(isinstance(t, int | float) and math.isfinite(t) and t > 0 for t in thresholds):
            raise UserError(f"thresholds={list(thresholds)}: finite numbers above 0 are expected, such as [0.5,1]")
        self.thresholds = sorted(thresholds)
        self.samples = samples
        self.shown = shown

    def reason_against(self, subject: Subject) -> str | None:
        """Return why truncation does not apply, such as to uniform noise, which has no tails, or None."""
        if subject.codes is not None:
            return "its noise has codes, which have no tails to truncate"
        try:
            truncated(subject.noise, self.thresholds[0])
        except ValueError:
            remedy = "train with model.noise._target_=ganexp.noise.normal"
            return f"its noise is not normal and has no tails to truncate; {remedy}"
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write samples.png, a row for each threshold and one without truncation, and truncation.png."""
        drawn = [subject.truncated(threshold).samples(self.samples) for threshold in self.thresholds]
        drawn.append(subject.samples(self.samples))
        save(rows([to_signed_unit(images[: self.shown]) for images in drawn]), out / "samples.png")
        chosen = torch.randperm(subject.training.count, generator=rng(subject.seed, "truncation"))[: self.samples]
        real = subject.features(subject.training)[chosen]
        *truncated_scores, untruncated = [trade_off(subject.features(images), real) for images in drawn]
        save_figure(plot_trade_offs(self.thresholds, truncated_scores, untruncated), out / "truncation.png")
        names = list(TradeOff.__dataclass_fields__)
        return {
            "thresholds": self.thresholds,
            **{name: [getattr(scores, name) for scores in truncated_scores] for name in names},
            **{f"{name}_of_whole_noise": getattr(untruncated, name) for name in names},
        }
