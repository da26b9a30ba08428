"""Memory and time of `analyze analysis=neighbours` on many training images, which are processed in blocks.

    python benchmarks/inside.py [images=50000] [samples=1000] [side=32]

The images are random, RGB, and in memory, as a data set of that size would be; features are 128 random projections of
the pixels. Imports take most of the memory: a CUDA build of torch takes more than a CPU build.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from ganexp.analysis.memorization import NearestNeighbours
from ganexp.analysis.subject import Subject
from ganexp.data.memory import InMemory
from ganexp.files.cache import cache_folder
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import RealImages
from ganexp.noise import normal

FEATURES = 128


class Projection(Extractor):
    """Random projections of the pixels."""

    def __init__(self, pixels: int) -> None:
        super().__init__(nn.Linear(pixels, FEATURES), {"network": "random projection", "pixels": pixels})

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, 128)."""
        return {"features": self.network(images.flatten(1).float())}


class Painter(nn.Module):
    """A generator of random images."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.map = nn.Linear(64, 3 * side * side)
        self.side = side

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, 3, side, side) in [-1, 1] from noise (N, 64)."""
        return self.map(noise).tanh().view(-1, 3, self.side, self.side)


def megabytes_now() -> float:
    """Return the resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024 / 1e6


def peak_megabytes() -> float:
    """Return the peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main(images: int = 50_000, samples: int = 1_000, side: int = 32) -> None:
    """Search for the neighbours once and print memory and time."""
    imports = megabytes_now()
    torch.manual_seed(0)
    table = InMemory(torch.randint(256, (images, 3, side, side), dtype=torch.uint8))
    training = RealImages(table, table.checksum())
    subject = Subject(
        Painter(side), normal, 64, load_training=lambda: training, load_extractor=lambda _: Projection(3 * side * side)
    )
    before, begin = megabytes_now(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        NearestNeighbours(samples=samples)(subject, Path(out))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
    peak = peak_megabytes()
    print(f"{images:,} images of 3x{side}x{side}, {samples:,} samples, 2,000 real images checked")
    images_mb = table.images.nbytes / 1e6
    print(f"peak of the process {peak:,.0f} MB, of which imports {imports:,.0f}, images {images_mb:,.0f}")
    print(f"added by the analysis: {peak - before:,.0f} MB")
    print(f"{used:.0f} CPU seconds, {time.perf_counter() - clock:.0f} s, features in {cache_folder('references')}")


if __name__ == "__main__":
    main(**{key: int(value) for key, _, value in (argument.partition("=") for argument in sys.argv[1:])})
