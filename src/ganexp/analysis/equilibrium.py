"""Discriminator outputs on training, held-out and fake images: distance from equilibrium, and overfitting of D."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from scipy.stats import ks_2samp, norm, rankdata
from torch import Tensor

from ganexp.analysis.discriminators import Examples, discriminator_outputs, examples
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, require_at_least
from ganexp.errors import UserError

CONFIDENCE = 0.99


@dataclass(frozen=True)
class Separation:
    """How well discriminator outputs separate two sets of images.

    ``auc`` is the probability that an image of the first set has the higher output, 1/2 at chance level, and
    ``auc_error`` its standard error. ``accuracy`` is the balanced accuracy at the best threshold. ``gap`` is the
    difference of the mean outputs in units of their pooled standard deviation.
    """

    auc: float
    auc_error: float
    accuracy: float
    gap: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 99 % confidence interval of the AUC."""
        margin = float(norm.ppf((1 + CONFIDENCE) / 2)) * self.auc_error
        return self.auc - margin, self.auc + margin


def separation(first: Tensor, second: Tensor) -> Separation:
    """Return the separation of two sets by their outputs (N,) and (M,).

    The standard error is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988). Raises ValueError for sets of
    fewer than two outputs, and for outputs that are not finite.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise ValueError(f"{n} and {m} outputs: each set needs at least two")
    if not (first.isfinite().all() and second.isfinite().all()):
        raise ValueError("the discriminator's outputs are not finite: its weights are broken")
    a, b = first.double().numpy(), second.double().numpy()
    ranks = torch.from_numpy(rankdata(torch.cat([first, second]).double().numpy()))
    # For each output, the share of the other set's outputs that are lower or higher, a tie counting half.
    lower_in_second = (ranks[:n] - torch.from_numpy(rankdata(a))) / m
    higher_in_first = 1 - (ranks[n:] - torch.from_numpy(rankdata(b))) / n
    auc = float(lower_in_second.mean())
    error = math.sqrt(float(lower_in_second.var() / n + higher_in_first.var() / m))
    pooled = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    gap = float(a.mean() - b.mean()) / pooled if pooled else 0.0
    return Separation(auc, error, (1 + float(ks_2samp(a, b).statistic)) / 2, gap)


def overfits(training: Separation) -> bool:
    """Return whether the outputs for training images are significantly higher than for held-out ones."""
    return training.interval[0] > 0.5


def plot_outputs(outputs: dict[str, Tensor]) -> Figure:
    """Draw the histograms of outputs (N,) by the name of their set."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    values = torch.cat(list(outputs.values())).double()
    edges = torch.linspace(float(values.min()), float(values.max()) + 1e-9, 61)
    for name, values in outputs.items():
        axis.hist(
            values.double().numpy(), bins=edges.tolist(), density=True, histtype="step", label=name, linewidth=1.5
        )
    axis.set_xlabel("discriminator output (logit)")
    axis.set_ylabel("density")
    axis.legend()
    return figure


class EquilibriumAnalysis:
    """Compare the discriminator's outputs for ``images`` training images, held-out images and samples.

    Raises UserError for fewer than two images.
    """

    def __init__(self, images: int = 2_000) -> None:
        require_at_least(2, images=images)
        self.images = images

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        return "it has no discriminator" if subject.opponent is None else None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write equilibrium.png; return how well D separates the sets, and whether it overfits the training images."""
        assert subject.opponent is not None
        fake = Examples(subject.images(subject.latents(self.images)), subject.labels(self.images))
        sets = {"training": examples(subject.training, self.images, subject.seed), "fake": fake}
        held_out, description = subject.held_out
        if held_out is not None:
            sets["held out"] = examples(held_out, self.images, subject.seed)
            labels, needed = sets["held out"].labels, subject.labels(1)
            if needed is not None and (labels is None or labels.dim() != needed.dim()):
                given = "class folders" if subject.attributes is None else "images that data.labels has"
                raise UserError(f"the discriminator takes labels, but the held-out images have none: give {given}")
        outputs = {name: discriminator_outputs(subject.opponent.run, images) for name, images in sets.items()}
        save_figure(plot_outputs(outputs), out / "equilibrium.png")
        pairs = [("training", "fake"), ("training", "held out"), ("held out", "fake")]
        separations = {
            pair: separation(*(outputs[name] for name in pair))
            for pair in pairs
            if all(name in outputs for name in pair)
        }
        overfitting = separations.get(("training", "held out"))
        return {
            "verdict": (
                f"overfitting cannot be tested: {description}"
                if overfitting is None
                else overfitting_verdict(overfitting)
            ),
            "held_out": description,
            "mean_answer": {name: float(values.mean()) for name, values in outputs.items()},
            **{
                f"{first} against {second}".replace(" ", "_"): as_figures(separation)
                for (first, second), separation in separations.items()
            },
        }


def as_figures(separation: Separation) -> dict[str, float | list[float]]:
    """Return a separation as plain figures."""
    return {
        "auc": separation.auc,
        "auc_99_percent_interval": list(separation.interval),
        "accuracy_at_best_threshold": separation.accuracy,
        "gap_in_standard_deviations": separation.gap,
    }


def overfitting_verdict(training: Separation) -> str:
    """Return a sentence on whether the discriminator overfits the training images."""
    low, high = training.interval
    finding = "overfits its training images" if overfits(training) else "shows no sign of overfitting"
    return (
        f"the discriminator {finding} (a training image has the higher output than a held-out one "
        f"in {training.auc:.1%} of pairs, {low:.1%} to {high:.1%})"
    )
