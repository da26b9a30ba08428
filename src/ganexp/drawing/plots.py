"""Plots of a run's curves."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from ganexp.drawing.curve_names import loss_name, measured_of, output_names, score_name
from ganexp.files.atomic import replacing
from ganexp.records import curves

LOSS, OUTPUT, SCORE = "loss/", "discriminator/", "score/"
FEW = 20
"""Largest number of points of a curve that are drawn as dots too."""
WIDE, APART = 10.0, 20.0
"""A scale is logarithmic if a curve goes beyond the first number, and beyond another curve by the second factor."""

Points = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Panel:
    """Curves that share axes: a title, and the columns by the names of their curves."""

    title: str
    columns: dict[str, str]


def read_curves(history: Path) -> Points:
    """Return the (images, value) points of each column of a metrics.csv, without empty cells."""
    read = curves.read_curves(history).curves
    return {
        name: list(zip(c.images.tolist(), c.values.tolist(), strict=True)) for name, c in read.items() if len(c.images)
    }


def plot_curves(history: Path, picture: Path, changed_at: Collection[int] = (), title: str = "") -> None:
    """Plot losses, discriminator outputs and every score against images seen, below a title.

    Dotted lines are where settings changed, after ``changed_at`` images.
    """
    points = read_curves(history)
    panels = panels_of(points)
    if not panels:
        return
    figure = Figure(figsize=(9, 2.6 * len(panels) + 0.6), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        for name, column in panel.columns.items():
            marker = "o" if len(points[column]) <= FEW else ""
            axis.plot(*zip(*points[column], strict=True), marker=marker, markersize=4, label=name)
        for images in changed_at:
            axis.axvline(images, color="black", linestyle=":", linewidth=1)
        # Beside the axes, a legend hides no curve, and titles above them have room for long names.
        axis.set_title(panel.title, loc="left", fontsize="medium")
        axis.grid(alpha=0.3)
        if len(panel.columns) > 1:
            axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
        if are_far_apart([points[column] for column in panel.columns.values()]):
            axis.set_yscale("symlog", linthresh=1)
            axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_title(f"{panel.title}, logarithmic beyond 1", loc="left", fontsize="medium")
    axes[-1].set_xlabel("real images seen by the discriminator")
    axes[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if title:
        # A dollar sign begins a formula.
        figure.suptitle(title.replace("$", r"\$"))
    with replacing(picture, "wb") as file:
        figure.savefig(file, format="png", dpi=100)


def panels_of(points: Points) -> list[Panel]:
    """Return the panels of losses, discriminator's outputs and scores, of which those of one measure share one."""
    losses = [column for column in points if column.startswith(LOSS)]
    outputs = [column for column in points if column.startswith(OUTPUT)]
    measures: dict[str, list[str]] = {}
    for column in points:
        if column.startswith(SCORE):
            measures.setdefault(measured_of(column)[0], []).append(column)
    names = output_names(outputs)
    panels = [
        Panel("losses", {loss_name(column): column for column in losses}),
        Panel("discriminator's output", {names[column]: column for column in outputs}),
        *(score_panel(measure, columns) for measure, columns in measures.items()),
    ]
    return [panel for panel in panels if panel.columns]


def score_panel(measure: str, columns: Sequence[str]) -> Panel:
    """Return the panel of the scores of one measure."""
    if len(columns) == 1:
        return Panel(score_name(columns[0]), {measure: columns[0]})
    metric = measure.partition(" (")[0]
    return Panel(measure, {measured_of(column)[1] or metric: column for column in columns})


def are_far_apart(group: Sequence[Sequence[tuple[float, float]]]) -> bool:
    """Return whether one curve is so much larger than another that the other would look like a straight line."""
    largest = [max((abs(value) for _, value in curve if math.isfinite(value)), default=0.0) for curve in group]
    return max(largest) > WIDE and max(largest) > APART * min(largest)
