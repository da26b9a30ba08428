"""The doctor's verdicts on failing and healthy games with known modes, and pictures for docs/doctor.md.

    python benchmarks/doctor.py ['names=grid, R1;ring'] [out=docs/images]

Each game is trained on the ring of 8 Gaussians and on the grid of 25, or only the games whose names contain one of
``names``. Prints the doctor's findings and the modes covered, and draws samples at several moments (doctor_ring.png,
doctor_grid.png) and the measured signs (doctor_ring_signs.png, doctor_grid_signs.png).
``tests/callbacks/test_doctor_experiments.py`` requires the verdicts.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from ganexp.cli import main as cli
from ganexp.drawing.plots import read_curves

PERCEPTRONS = ["model=gan", "data=gaussians", "model.latent=2", "trainer=cpu", "callbacks.samples=null"]
GRID = ["data/mixture=grid"]
# The same grid in a corner: no mode is where a generator begins, in the middle.
CORNER = (0.3, 0.45, 0.6, 0.75, 0.9)
FAR_GRID = [
    "data/mixture=custom", f"data.mixture.centres={[[x, y] for x in CORNER for y in CORNER]}", "data.mixture.std=0.01",
]  # fmt: skip
WIDE = ["model.generator.widths=[128,128]", "model.discriminator.widths=[512,512]"]
EVEN = ["model.generator.widths=[128,128]", "model.discriminator.widths=[128,128]"]
EQUAL = ["optimizer.generator.lr=1e-3", "optimizer.discriminator.lr=1e-3"]

STRONG = [
    *WIDE, "loss=minimax", "normalization=none", "schedule=constant", "data.batch_size=256", "model.critic_steps=10",
    "optimizer.discriminator.lr=2e-3", "optimizer.generator.lr=1e-5", "images=200_000",
]  # fmt: skip
HASTY = [
    *EVEN, "loss=nonsaturating", "normalization=none", "schedule=constant", "data.batch_size=256",
    "optimizer.generator.lr=2e-3", "optimizer.discriminator.lr=2e-4", "images=80_000",
]  # fmt: skip
R1 = [
    *EVEN,
    *EQUAL,
    "normalization=none",
    "penalty=r1",
    "penalty.r1.weight=0.1",
    "data.batch_size=64",
    "images=300_000",
]
WGAN_GP = [
    *EVEN, "optimizer=adam_1e-4_0_0.9", *EQUAL, "loss=wasserstein", "penalty=gradient_penalty",
    "penalty.gradient_penalty.weight=1", "normalization=none", "model.critic_steps=5", "data.batch_size=64",
    "images=500_000",
]  # fmt: skip
SPECTRAL = [
    "model.generator.widths=[128,128]", "model.discriminator.widths=[128,128,128]", "optimizer=adam_1e-4_0_0.9", *EQUAL,
    "loss=hinge", "normalization/layer@normalization.generator=none",
    "normalization/layer@normalization.discriminator=spectral", "model.critic_steps=5", "data.batch_size=64",
    "images=600_000",
]  # fmt: skip
# Shallow networks are too smooth for 25 modes, and a slope that separates neighbours at a distance of 0.4 is steeper
# than the papers' 1: a weak penalty allows it, and so does a scale of the spectral norms.
DEEP = [
    *GRID, "model.generator.widths=[128,128,128]", "model.discriminator.widths=[64,64,64,64]", "data.batch_size=256",
    "optimizer=adam_1e-4_0_0.9", "optimizer.generator.lr=1e-3",
]  # fmt: skip
DEEP_R1 = [
    *DEEP, "data.mixture.std=0.03", "optimizer.generator.betas=[0.0,0.99]", "optimizer.discriminator.lr=3e-3",
    "optimizer.discriminator.betas=[0.0,0.99]", "normalization=none", "penalty=r1", "penalty.r1.weight=0.001",
    "images=1_600_000", "scoring.every=400_000",
]  # fmt: skip
DEEP_WGAN_GP = [
    *DEEP, "optimizer.discriminator.lr=1e-3", "loss=wasserstein", "penalty=gradient_penalty",
    "penalty.gradient_penalty.weight=0.01", "normalization=none", "model.critic_steps=2", "images=2_500_000",
    "scoring.every=500_000",
]  # fmt: skip
DEEP_SPECTRAL = [
    *DEEP, "optimizer.discriminator.lr=3e-3", "loss=hinge", "normalization/layer@normalization.generator=none",
    "normalization/layer@normalization.discriminator=spectral", "normalization.discriminator.scale=3",
    "model.critic_steps=2", "images=2_500_000", "scoring.every=500_000",
]  # fmt: skip
GAMES = {
    "ring, minimax, D far too strong": STRONG,
    "ring, G far ahead": HASTY,
    "ring, R1": R1,
    "ring, WGAN-GP": WGAN_GP,
    "ring, spectral normalization": SPECTRAL,
    "grid in a corner, minimax, D far too strong": [*STRONG, *FAR_GRID],
    "grid, minimax, D far too strong": [*STRONG, *GRID],
    "grid, G far ahead": [*HASTY, *GRID],
    "grid, R1": DEEP_R1,
    "grid, WGAN-GP": DEEP_WGAN_GP,
    "grid, spectral normalization": DEEP_SPECTRAL,
}
MOMENTS = (0.05, 0.25, 0.5, 1.0)
SAMPLES = 1_000
SIGNS = {
    "doctor/accuracy": "D's accuracy",
    "doctor/gradient_norm/generator": "norm of G's gradient",
    "doctor/lipschitz": "D's slope",
    "doctor/modes_covered_share": "modes covered",
}
LOGARITHMIC = ("doctor/gradient_norm/generator", "doctor/lipschitz")


@dataclass(frozen=True)
class Played:
    """The findings, scores, curves and samples of a finished game."""

    findings: list[str]
    scores: Mapping[str, float]
    curves: Mapping[str, list[tuple[int, float]]]
    moments: list[tuple[int, Tensor]]
    real: Tensor | None


class Moments(L.Callback):
    """Keeps samples at several moments, and the latest real points."""

    taken: ClassVar[list[tuple[int, Tensor]]] = []
    real: Tensor | None = None

    def __init__(self) -> None:
        Moments.taken, Moments.real = [], None

    def on_train_batch_end(
        self, trainer: L.Trainer, module: Any, outputs: Any, batch: dict[str, Tensor], *_: Any
    ) -> None:
        Moments.real = batch["image"].flatten(1)
        if len(self.taken) < len(MOMENTS) and module.progress() >= MOMENTS[len(self.taken)]:
            points, _ = module.current_samples(SAMPLES, batch)
            self.taken.append((module.images_seen, points.flatten(1)))


def play(settings: list[str], folder: Path, *more: str) -> Played:
    """Train a game in a folder and return what the doctor found and measured."""
    if cli.main([*PERCEPTRONS, *settings, *more, f"run_dir={folder}"]):
        sys.exit(f"{folder}: the run failed")
    lines = (folder / "log.txt").read_text().splitlines()
    findings = [line.partition("doctor: ")[2] for line in lines if "doctor:" in line]
    scores = {entry["name"]: entry["value"] for entry in json.loads((folder / "scores.json").read_text())["scores"]}
    return Played(findings, scores, read_curves(folder / "metrics.csv"), Moments.taken, Moments.real)


def verdict(played: Played) -> str:
    """Return the kinds of findings in order of first appearance."""
    return ", then ".join(dict.fromkeys(finding.partition(":")[0] for finding in played.findings)) or "healthy"


def draw_samples(games: Mapping[str, Played], path: Path) -> None:
    """Draw a row of moments for each game."""
    figure = plt.figure(figsize=(2 * len(MOMENTS), 2.5 * len(games)), layout="constrained")
    parts = figure.subfigures(len(games), squeeze=False).flat
    for part, (name, played) in zip(parts, games.items(), strict=True):
        covered = f"{played.scores['modes_covered']:.0f} modes covered, {played.scores['modes_quality']:.0%} near one"
        part.suptitle(f"{name}: {verdict(played)}; {covered}", fontsize=9)
        for axes, (images, points) in zip(part.subplots(1, len(MOMENTS)), played.moments, strict=True):
            draw_points(axes, played.real, points)
            axes.set_xlabel(f"{images / 1000:,.0f}k images", fontsize=8)
    figure.savefig(path, dpi=70)


def draw_points(axes: Axes, real: Tensor, points: Tensor) -> None:
    """Draw samples over real points."""
    axes.scatter(*real.T, s=6, color="tab:orange", alpha=0.5, linewidths=0)
    axes.scatter(*points.T, s=2, color="tab:blue", alpha=0.5, linewidths=0)
    axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[], aspect="equal")


def draw_signs(games: Mapping[str, Played], path: Path) -> None:
    """Draw each sign's curves."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    for panel, (sign, label) in zip(axes.flat, SIGNS.items(), strict=True):
        for name, played in games.items():
            images, values = zip(*played.curves[sign], strict=True)
            panel.plot([number / images[-1] for number in images], values, label=name, linewidth=1.2)
        panel.set(title=label, xlabel="share of the budget")
        panel.set_yscale("log" if sign in LOGARITHMIC else "linear")
    axes.flat[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)


def main(arguments: list[str]) -> None:
    """Train the games, print their verdicts and draw them."""
    options = dict(argument.split("=", 1) for argument in arguments)
    selected = options.get("names", "").split(";")
    played = {}
    for name, settings in GAMES.items():
        if any(part in name for part in selected):
            with tempfile.TemporaryDirectory() as folder:
                moments = ["+callbacks.moments._target_=__main__.Moments", "callbacks.progress=null"]
                game = played[name] = play(settings, Path(folder) / "run", *moments)
            print(f"{name}: {verdict(game)}; {dict(game.scores)}")
            print("".join(f"  {finding}\n" for finding in game.findings), end="", flush=True)
    out = Path(options.get("out", "docs/images"))
    for mixture in ("ring", "grid"):
        games = {name: game for name, game in played.items() if name.startswith(mixture)}
        if games:
            draw_samples(games, out / f"doctor_{mixture}.png")
            draw_signs(games, out / f"doctor_{mixture}_signs.png")


if __name__ == "__main__":
    main(sys.argv[1:])
