"""Time ganexp's Fréchet distance against torchmetrics' on the same moments, alternating in one process.

    python benchmarks/frechet.py [width=2048] [rounds=3] [sqrtm=no]

The features are random, with a spectrum that decays like that of InceptionV3. The real images stay the same during
training, so what depends on them alone is computed once: "again" is the time without it. sqrtm=yes also times SciPy's
matrix square root, which takes half a minute. Then the size of the state of FID and Inception Score is printed, for few
and many samples.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch
from scipy.linalg import sqrtm
from torch import Tensor
from torchmetrics.image.fid import _compute_fid

from ganexp.metrics.frechet import FrechetDistance, frechet_distance
from ganexp.metrics.inception_score import InceptionScore
from ganexp.metrics.moments import moments, power_sums
from ganexp.metrics.score import Moments, SampleMetric

CLASSES = 1008
BATCH = 250


def features(number: int, width: int, seed: int) -> Tensor:
    """Return features (number, width), float32, whose variances span five orders of magnitude."""
    rng = torch.Generator().manual_seed(seed)
    directions = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(99))).Q
    return torch.randn(number, width, generator=rng) * torch.logspace(0, -2.5, width) @ directions + 0.4


def fitted(number: int, width: int, seed: int) -> Moments:
    """Return the moments of random features."""
    return moments(power_sums(features(number, width, seed)))


def uncached(statistics: Moments) -> Moments:
    """Return the same moments without their cached factor."""
    return replace(statistics)


def torchmetrics_distance(a: Moments, b: Moments) -> float:
    """Return torchmetrics' Fréchet distance."""
    return float(_compute_fid(a.mean, a.covariance, b.mean, b.covariance))


def scipy_distance(a: Moments, b: Moments) -> float:
    """Return the Fréchet distance by SciPy's matrix square root."""
    root = sqrtm(a.covariance.numpy() @ b.covariance.numpy())
    rest = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace()
    return float(rest) - 2 * float(root.trace().real)


def timed(compute: Callable[[], float]) -> tuple[float, float]:
    """Return the seconds taken and the value."""
    started = time.perf_counter()
    value = compute()
    return time.perf_counter() - started, value


def compare(number: int, width: int, rounds: int, with_sqrtm: bool) -> None:
    """Print times, ratios and values for the moments of ``number`` features."""
    real, fake = fitted(number, width, seed=0), fitted(number, width, seed=1)
    implementations = {
        "ganexp": lambda: frechet_distance(uncached(fake), uncached(real)),
        "again": lambda: frechet_distance(uncached(fake), real),
        "torchmetrics": lambda: torchmetrics_distance(fake, real),
    }
    frechet_distance(fake, real)
    runs = [{name: timed(compute) for name, compute in implementations.items()} for _ in range(rounds)]
    if with_sqrtm:
        implementations["sqrtm"] = lambda: scipy_distance(fake, real)
        runs[0]["sqrtm"] = timed(implementations["sqrtm"])
    expected = runs[0]["torchmetrics"][1]
    for name in implementations:
        times = [run[name][0] for run in runs if name in run]
        value = runs[0][name][1]
        ratio = median(run[name][0] / run["torchmetrics"][0] for run in runs if name in run)
        print(f"N={number} D={width} {name:12s} {median(times):6.2f} s, {ratio:.2f} of torchmetrics', {value:.8f}")
        if abs(value - expected) > 1e-4 * expected:
            sys.exit(f"{name} and torchmetrics differ: {value} and {expected}")


def state_bytes(metric: SampleMetric, number: int, width: int) -> int:
    """Return the size of a metric's state after ``number`` samples."""
    for numbers in torch.arange(number).split(BATCH):
        metric.update(torch.zeros(len(numbers), width), numbers)
    return sum(state.nbytes for state in metric.metric_state.values())


def memory(width: int) -> None:
    """Print the sizes of the states of FID and Inception Score."""
    for number in (1_000, 50_000):
        frechet = state_bytes(FrechetDistance(None, number), number, width)
        inception = state_bytes(InceptionScore(None, number), number, CLASSES)
        print(f"{number:6d} samples: state of FID {frechet:,} bytes, Inception Score {inception:,} bytes")


def main(arguments: list[str]) -> None:
    """Print the figures."""
    options = dict(argument.split("=", 1) for argument in arguments)
    width, rounds = int(options.get("width", 2048)), int(options.get("rounds", 3))
    for number in (5_000, 1_000):
        compare(number, width, rounds, options.get("sqrtm") == "yes")
    memory(width)


if __name__ == "__main__":
    main(sys.argv[1:])
