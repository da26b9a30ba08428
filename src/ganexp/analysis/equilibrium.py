"""Discriminator outputs on training, held-out and fake images: distance from equilibrium, and overfitting of D."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from scipy.stats import ks_2samp, norm, rankdata
from torch import Tensor

from ganexp.analysis.discriminators import Examples, answers, examples
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, require_at_least
from ganexp.errors import UserError

CONFIDENCE = 0.99


@dataclass(frozen=True)
class Separation:
    """How well discriminator outputs separate two sets of images.

    ``auc`` is the probability that an image of the first set gets the higher answer, 1/2 at chance level,
    and ``auc_error`` its standard error. ``accuracy`` is the share of right answers at the best threshold, each set
    weighing the same. ``gap`` is the difference of the mean answers in their pooled standard deviation.
    """

    auc: float
    auc_error: float
    accuracy: float
    gap: float

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that holds the true auc in 99 of 100 cases."""
        reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * self.auc_error
        return self.auc - reach, self.auc + reach


def separation(first: Tensor, second: Tensor) -> Separation:
    """Return the separation of two sets by the outputs (N,) for one and (M,) for the other.

    The standard error is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988). Raises ValueError for sets of
    fewer than two and for answers that are not finite.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise ValueError(f"{n} and {m} answers: each set needs at least two")
    if not (first.isfinite().all() and second.isfinite().all()):
        raise ValueError("the discriminator's answers are not finite: its weights are broken")
    a, b = first.double().numpy(), second.double().numpy()
    ranks = torch.from_numpy(rankdata(torch.cat([first, second]).double().numpy()))
    # The share of the other set that each answer beats.
    beaten_by_first = (ranks[:n] - torch.from_numpy(rankdata(a))) / m
    beating_second = 1 - (ranks[n:] - torch.from_numpy(rankdata(b))) / n
    auc = float(beaten_by_first.mean())
    error = math.sqrt(float(beaten_by_first.var() / n + beating_second.var() / m))
    pooled = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    gap = float(a.mean() - b.mean()) / pooled if pooled else 0.0
    return Separation(auc, error, (1 + float(ks_2samp(a, b).statistic)) / 2, gap)


def overfits(training: Separation) -> bool:
    """Return whether training images get higher answers than held-out ones, beyond chance."""
    return training.interval[0] > 0.5


def plot_answers(answers: dict[str, Tensor]) -> Figure:
    """Draw the histograms of answers (N,) by the name of their set."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    every = torch.cat(list(answers.values())).double()
    edges = torch.linspace(float(every.min()), float(every.max()) + 1e-9, 61)
    for name, values in answers.items():
        axis.hist(
            values.double().numpy(), bins=edges.tolist(), density=True, histtype="step", label=name, linewidth=1.5
        )
    axis.set_xlabel("discriminator's answer (logit)")
    axis.set_ylabel("density")
    axis.legend()
    return figure


class EquilibriumAnalysis:
    """Compare the discriminator's answers to ``images`` training images, held-out ones and samples.

    Raises UserError for fewer than two.
    """

    def __init__(self, images: int = 2_000) -> None:
        require_at_least(2, images=images)
        self.images = images

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        return "it has no discriminator" if subject.opponent is None else None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write equilibrium.png; return how well D tells the sets apart, and whether it knows the training images."""
        assert subject.opponent is not None
        fake = Examples(subject.images(subject.latents(self.images)), subject.labels(self.images))
        sets = {"training": examples(subject.training, self.images, subject.seed), "fake": fake}
        held_out, words = subject.held_out
        if held_out is not None:
            sets["held out"] = examples(held_out, self.images, subject.seed)
            if sets["held out"].labels is None and subject.num_classes is not None:
                raise UserError(
                    "the discriminator is told labels, but the held-out images have none: give class folders"
                )
        outputs = {name: answers(subject.opponent.ask, shown) for name, shown in sets.items()}
        save_figure(plot_answers(outputs), out / "equilibrium.png")
        pairs = [("training", "fake"), ("training", "held out"), ("held out", "fake")]
        separations = {
            pair: separation(*(outputs[name] for name in pair))
            for pair in pairs
            if all(name in outputs for name in pair)
        }
        overfitting = separations.get(("training", "held out"))
        return {
            "verdict": f"whether it memorizes cannot be told: {words}" if overfitting is None else said(overfitting),
            "held_out": words,
            "mean_answer": {name: float(values.mean()) for name, values in outputs.items()},
            **{f"{one} against {other}".replace(" ", "_"): described(gap) for (one, other), gap in separations.items()},
        }


def described(separation: Separation) -> dict[str, float | list[float]]:
    """Return a separation as plain figures."""
    return {
        "auc": separation.auc,
        "auc_99_percent_interval": list(separation.interval),
        "accuracy_at_best_threshold": separation.accuracy,
        "gap_in_standard_deviations": separation.gap,
    }


def said(training: Separation) -> str:
    """Return in words whether the discriminator overfits the training images."""
    low, high = training.interval
    finding = "knows its training images: it overfits" if overfits(training) else "shows no sign of overfitting"
    return f"the discriminator {finding} (training above held-out in {training.auc:.1%}, {low:.1%} to {high:.1%})"
