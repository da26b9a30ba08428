"""Plots of a run's curves."""

from collections.abc import Collection
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from ganexp.drawing.curve_names import curve_name
from ganexp.files.atomic import replacing
from ganexp.records import curves

PANELS = {"loss/": "losses", "discriminator/": "discriminator's output"}
SCORE = "score/"
FEW = 20
"""Largest number of points of a curve that are drawn as dots too."""

Points = dict[str, list[tuple[float, float]]]


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
    groups = {
        title: {name: curve for name, curve in points.items() if name.startswith(prefix)}
        for prefix, title in PANELS.items()
    }
    # Scores differ in scale, so each has its own axes.
    scores = {curve_name(name): {name: curve} for name, curve in points.items() if name.startswith(SCORE)}
    panels = {title: group for title, group in (groups | scores).items() if group}
    if not panels:
        return
    figure = Figure(figsize=(8, 3 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (unit, group) in zip(axes, panels.items(), strict=True):
        for name, curve in group.items():
            marker = "o" if len(curve) <= FEW else ""
            axis.plot(*zip(*curve, strict=True), marker=marker, markersize=4, label=curve_name(name))
        for images in changed_at:
            axis.axvline(images, color="black", linestyle=":", linewidth=1)
        axis.set_ylabel(unit)
        axis.grid(alpha=0.3)
        if len(group) > 1:
            axis.legend()
    axes[-1].set_xlabel("real images seen by the discriminator")
    axes[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if title:
        # A dollar sign begins a formula.
        figure.suptitle(title.replace("$", r"\$"))
    with replacing(picture, "wb") as file:
        figure.savefig(file, format="png", dpi=100)
