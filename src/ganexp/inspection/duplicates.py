"""Exact and near-duplicate detection by hashes and 9x9 grey thumbnails."""

import hashlib
from array import array

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

SIDE = 9
MIN_SIZE = 16
MIN_CONTRAST = 16
"""In grey levels: flatter pictures all look alike."""
MAX_BITS = 3
BITS = SIDE * (SIDE - 1)
BANDS = 4
"""One more than MAX_BITS: two hashes that differ in at most MAX_BITS bits agree in at least one band."""
WINDOW = 16
CORRELATION = 0.995


class Duplicates:
    """Hashes and thumbnails of pictures, numbered in the order of their addition."""

    def __init__(self) -> None:
        self._exact = array("Q")
        self._thumbnails = bytearray()
        self._with_thumbnail = array("q")

    def add(self, pixels: Tensor) -> None:
        """Add a decoded picture, uint8 (C, H, W)."""
        small = thumbnail(pixels)
        if small is not None:
            self._thumbnails += small.tobytes()
            self._with_thumbnail.append(len(self._exact))
        digest = hashlib.blake2b(np.ascontiguousarray(pixels.numpy()).data, digest_size=8).digest()
        self._exact.append(int.from_bytes(digest, "little"))

    def exact(self) -> dict[int, int]:
        """Return the number of the earliest identical picture, by the number of each exact duplicate."""
        hashes = np.array(self._exact, dtype=np.uint64)
        _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
        earliest = first[group.reshape(-1)]
        return {int(number): int(earliest[number]) for number in np.flatnonzero(earliest != np.arange(len(hashes)))}

    def near(self) -> dict[int, int]:
        """Return the number of a similar earlier picture, by the number of each near-duplicate.

        Their difference hashes (is each thumbnail pixel brighter than its left neighbour?) differ in at most 3 of 72
        bits, and the correlation of their thumbnails is at least 0.995. Each picture is compared with the next 16 in
        the order of the hashes, rotated so that each quarter of the bits comes first in turn.
        """
        numbers = np.array(self._with_thumbnail, dtype=np.int64)
        kept = ~np.isin(numbers, list(self.exact()))
        numbers = numbers[kept]
        small = np.frombuffer(bytes(self._thumbnails), dtype=np.uint8).reshape(-1, SIDE, SIDE)[kept]
        bits = (small[:, :, 1:] > small[:, :, :-1]).reshape(-1, BITS)
        originals: dict[int, int] = {}
        for band in range(BANDS):
            rotated = np.packbits(np.roll(bits, -band * BITS // BANDS, axis=1), axis=1)
            order = np.lexsort(rotated.T[::-1])
            for step in range(1, min(WINDOW, len(order) - 1) + 1):
                first, second = order[:-step], order[step:]
                similar = np.unpackbits(rotated[first] ^ rotated[second], axis=1).sum(1) <= MAX_BITS
                first, second = first[similar], second[similar]
                similar = correlations(small[first], small[second]) >= CORRELATION
                for one, other in zip(numbers[first[similar]].tolist(), numbers[second[similar]].tolist(), strict=True):
                    originals.setdefault(max(one, other), min(one, other))
        return dict(sorted(originals.items()))


def thumbnail(pixels: Tensor) -> np.ndarray | None:
    """Return a picture (C, H, W) as 9x9 grey bytes.

    None for pictures smaller than 16 pixels or nearly flat, whose thumbnails would be meaningless.
    """
    if min(pixels.shape[-2:]) < MIN_SIZE:
        return None
    grey = pixels.float().mean(0, keepdim=True)[None]
    small = interpolate(grey, size=(SIDE, SIDE), mode="area")[0, 0]
    return small.round().byte().numpy() if small.max() - small.min() >= MIN_CONTRAST else None


def correlations(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the correlation (N,) of each picture with its counterpart, (N, H, W) each, none of them flat."""
    centred = [pictures - pictures.mean((1, 2), keepdims=True) for pictures in (ones, others)]
    first, second = (pictures / np.linalg.norm(pictures, axis=(1, 2), keepdims=True) for pictures in centred)
    return np.asarray((first * second).sum((1, 2)))
