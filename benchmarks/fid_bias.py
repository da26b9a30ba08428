"""Show that the Fréchet distance depends on the number of images and the kernel distance does not.

    python benchmarks/fid_bias.py data=image_folder data.root=FOLDER data.image_size=32 [repeats=10] [out=FILE.png]
    python benchmarks/fid_bias.py data=mnist data_root=FOLDER data.source.split=test

The data are split at random into three parts of equal size. One trains the classifier whose features are compared, one
is the reference, and from the third N images are drawn, several times for each N: as they are, so that the true
distance is nearly 0, and slightly blurred, so that it is not. No GAN is involved: whatever changes with N is a
property of the scores. Prints mean and standard deviation over the repeats, and plots them if ``out`` is given.
"""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.data.memory import InMemory
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.moments import moments, power_sums
from ganexp.metrics.reference import RealImages
from ganexp.metrics.score import Moments, SampleMetric

NUMBERS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
METRICS: dict[str, type[SampleMetric]] = {"FID": FrechetDistance, "KID": KernelDistance}
BLUR = 0.5  # standard deviation in pixels
BATCH = 250
OPTIONS = ("repeats", "out")


@dataclass(frozen=True)
class Features:
    """Features (M, D) of real images, with their moments."""

    values: Tensor
    statistics: Moments

    def features(self) -> Tensor:
        """Return the features."""
        return self.values

    def moments(self) -> Moments:
        """Return their moments."""
        return self.statistics


def three_parts(overrides: list[str]) -> tuple[str, list[InMemory]]:
    """Return the data's name and three disjoint random parts of them."""
    config = composition.compose("evaluate", overrides)
    data = build(config.data)
    data.prepare_data()
    data.setup("fit")
    order = torch.randperm(len(data.dataset), generator=torch.Generator().manual_seed(0))
    third = len(order) // 3
    parts = [data.dataset.__getitems__(chosen.tolist()) for chosen in order[: 3 * third].split(third)]
    return config.data.name, [InMemory(part["image"], part.get("label")) for part in parts]


def features_of(extractor: Extractor, images: Tensor) -> Tensor:
    """Return the features (N, D) of images (N, C, H, W)."""
    return torch.cat([extractor(batch)["features"] for batch in images.split(BATCH)])


def value_of(metric: type[SampleMetric], fake: Tensor, real: Features) -> float:
    """Return a metric's value for features (N, D)."""
    scorer = metric(real, len(fake))
    scorer.update(fake, torch.arange(len(fake)))
    return scorer.compute()[""].value


def measured(fake: Tensor, real: Features, repeats: int) -> Iterator[tuple[str, int, list[float]]]:
    """Yield metric, N and its values for ``repeats`` random choices of N features."""
    for number in NUMBERS:
        if number <= len(fake):
            rng = torch.Generator().manual_seed(number)
            choices = [torch.randperm(len(fake), generator=rng)[:number] for _ in range(repeats)]
            for name, metric in METRICS.items():
                yield name, number, [value_of(metric, fake[choice], real) for choice in choices]


Table = dict[tuple[str, str, int], list[float]]
"""The values of each repeat by metric, side and N."""


def table_of(sides: dict[str, Tensor], real: Features, repeats: int) -> Table:
    """Print and return every value."""
    table: Table = {}
    print(f"{'images':>14} {'N':>6} {'FID':>18} {'KID':>20}")
    for side, fake in sides.items():
        for name, number, values in measured(fake, real, repeats):
            table[name, side, number] = values
            if name == "KID":
                frechet = table["FID", side, number]
                print(
                    f"{side:>14} {number:6d} {fmean(frechet):9.2f} +- {stdev(frechet):5.2f} "
                    f"{fmean(values):9.4f} +- {stdev(values):6.4f}",
                    flush=True,
                )
    return table


def draw(table: Table, title: str, out: Path) -> None:
    """Plot a panel for each metric: mean and standard deviation against N."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title, fontsize=10)
    for axis, metric in zip(figure.subplots(1, len(METRICS)), METRICS, strict=True):
        for side in dict.fromkeys(side for _, side, _ in table):
            points = {number: values for (name, s, number), values in table.items() if (name, s) == (metric, side)}
            means, spreads = [fmean(v) for v in points.values()], [stdev(v) for v in points.values()]
            axis.errorbar(list(points), means, spreads, marker="o", markersize=4, capsize=3, label=side)
            axis.set_xticks(list(points))
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_xticks(list(points))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.tick_params(axis="x", labelsize=8)
        axis.set_xlabel("number N of scored images")
        axis.set_ylabel(f"{metric}, mean ± std")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(out, dpi=100)


def main(arguments: list[str]) -> None:
    """Print the table, and plot it."""
    options = dict(a.split("=", 1) for a in arguments if a.startswith(tuple(f"{name}=" for name in OPTIONS)))
    overrides = [a for a in arguments if a.partition("=")[0] not in OPTIONS]
    # The bias that the Fréchet distance warns of is measured here.
    logging.getLogger("ganexp.metrics.frechet").setLevel(logging.ERROR)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    name, (training, reference, pool) = three_parts(overrides)
    cpu = torch.device("cpu")
    extractor = build(composition.compose("evaluate", []).extractor.classifier)(
        RealImages(training, training.checksum()), cpu
    )
    values = features_of(extractor, reference.images)
    real = Features(values, moments(power_sums(values)))
    blurred = gaussian_blur(pool.images, 5, BLUR)
    sides = {"real": features_of(extractor, pool.images), "real, blurred": features_of(extractor, blurred)}
    accuracy = extractor.description["held_out_accuracy"]
    print(f"{name}: {len(reference):,} real images to compare with, classifier accuracy {accuracy:.0%}")
    table = table_of(sides, real, int(options.get("repeats", 10)))
    if "out" in options:
        draw(
            table, f"real images of {name} against {len(reference):,} others, classifier features", Path(options["out"])
        )


if __name__ == "__main__":
    composition.register_resolvers()
    main(sys.argv[1:])
