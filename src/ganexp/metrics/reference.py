"""Reference sets: the real images that fakes are scored against, and their cached features."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol

import torch
from torch import Tensor

from ganexp.errors import UserError
from ganexp.files.weights import checksum_of
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.moments import Moments, moments, power_sums
from ganexp.metrics.store import Content, cached
from ganexp.numerics.float64 import float64_device
from ganexp.numerics.pixels import eight_bits
from ganexp.numerics.randomness import generator
from ganexp.terminal.progress import progress

BATCH = 64


class Images(Protocol):
    """A data set with batched indexing."""

    def __len__(self) -> int: ...

    def __getitems__(self, indices: Sequence[int], /) -> dict[str, Tensor]:
        """Return {"image": (B, C, H, W)}, uint8 or float32 in [-1, 1], and "label" int64 (B,) if there are labels."""
        ...


class RealImages:
    """The real images of a reference set: a whole data set, or a fixed random subset of ``most`` images.

    ``checksum`` covers the data and their labels. The subset depends on ``seed`` and on the size of the data set.
    Raises UserError for ``most`` below 2.
    """

    def __init__(self, dataset: Images, checksum: str, most: int | None = None, seed: int = 0) -> None:
        self.dataset = dataset
        self.checksum = checksum
        total = len(dataset)
        if most is not None and most < 2:
            raise UserError(f"{most} real images are too few to compare with: at least 2 are needed.")
        if most is None or most >= total:
            self.chosen = torch.arange(total)
            choice = "all"
        else:
            self.chosen = torch.randperm(total, generator=generator(seed, "real images"))[:most].sort().values
            choice = f"{most} with seed {seed}"
        self.fingerprint = checksum_of({"data": checksum, "choice": choice})[:16]

    def at_most(self, most: int, seed: int = 0) -> "RealImages":
        """Return a random subset of at most ``most`` images of the whole data set."""
        return RealImages(self.dataset, self.checksum, most, seed)

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.chosen)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The channels, height and width of an image."""
        channels, height, width = self.at(torch.tensor([0])).shape[1:]
        return channels, height, width

    def at(self, positions: Tensor) -> Tensor:
        """Return the images (B, C, H, W) at these positions (B,), from 0 to count - 1."""
        return self.items(positions)["image"]

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield all images in order, ``size`` at a time."""
        for positions in torch.arange(self.count).split(size):
            yield self.at(positions)

    def labels(self) -> Tensor | None:
        """Return the labels (N,) of all images, None if there are none.

        Reads every image once.
        """
        if "label" not in self.items(torch.tensor([0])):
            return None
        return torch.cat([self.items(positions)["label"] for positions in torch.arange(self.count).split(BATCH)])

    def items(self, positions: Tensor) -> dict[str, Tensor]:
        """Return {"image": (B, C, H, W)} and, where there are labels, "label": (B,), at these positions (B,).

        Images of more depth are given 8 bits, as fakes are: extractors take no others.
        """
        items = self.dataset.__getitems__(self.chosen[positions].tolist())
        return {**items, "image": eight_bits(items["image"])}


def concatenated(batches: Iterable[Tensor], count: int) -> Tensor:
    """Return the rows of all batches (B, D) in one tensor (count, D).

    The result is allocated at the first batch: collecting small tensors until the end fragments the heap between larger
    temporary ones, and the gaps can take many times their memory.
    """
    batches = iter(batches)
    first = next(batches)
    rows = first.new_empty(count, *first.shape[1:])
    begin = 0
    for batch in chain([first], batches):
        rows[begin : begin + len(batch)] = batch
        begin += len(batch)
    return rows


class CachedReference:
    """Features of real images, computed in one pass on first use and cached on disk.

    They are returned on the device they are computed on, or on the CPU if that has no float64.
    """

    def __init__(self, images: RealImages, extractor: Extractor, device: torch.device) -> None:
        self.images = images
        self.extractor = extractor
        self.device = device
        self.metric_device = float64_device(device)
        self._features: Tensor | None = None
        self._moments: Moments | None = None

    def moments(self) -> Moments:
        """Return the moments of the real features."""
        if self._moments is None:
            content = self._cached("moments", self._compute_moments)
            self._moments = Moments(content["count"], content["mean"], content["covariance"])
        return self._moments

    def features(self) -> Tensor:
        """Return the real features (M, D), float32, in the order of the images."""
        if self._features is None:
            self._features = self._cached("features", self._compute_features)["features"]
        return self._features

    def _cached(self, kind: str, make: Callable[[], Content]) -> Content:
        key = checksum_of({"images": self.images.fingerprint, "extractor": self.extractor.fingerprint, "kind": kind})
        content = cached("references", key[:16], make)
        device = self.metric_device
        return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in content.items()}

    def _compute_features(self) -> Content:
        return {"features": concatenated(self._pass(), self.images.count)}

    def _compute_moments(self) -> Content:
        batches = self._pass() if self._features is None else iter(self._features.split(BATCH))
        statistics = moments(sum(map(power_sums, batches), torch.zeros((), dtype=torch.float64)))
        return {"count": statistics.count, "mean": statistics.mean, "covariance": statistics.covariance}

    def _pass(self) -> Iterator[Tensor]:
        with progress("features of images", self.images.count) as advance:
            for batch in self.images.batches(BATCH):
                yield self.extractor(batch.to(self.device))["features"].to(self.metric_device)
                advance(len(batch))
