"""Pictures that are there twice: a hash and a thumbnail of 9x9 grey pixels are kept of each, no more."""

import hashlib
from array import array

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

SIDE = 9
LEAST_SIZE = 16
LEAST_CONTRAST = 16
"""In grey levels: what is flatter looks like any other flat picture."""
MOST_BITS = 3
BITS = SIDE * (SIDE - 1)
BANDS = 4
"""One more than MOST_BITS: of two hashes that differ in so few bits, one band at least is equal."""
WINDOW = 16
CORRELATION = 0.995


class Duplicates:
    """Remembers pictures, numbered as they come."""

    def __init__(self) -> None:
        self._exact = array("Q")
        self._thumbnails = bytearray()
        self._with_thumbnail = array("q")

    def add(self, pixels: Tensor) -> None:
        """Remember a decoded picture, uint8 (C, H, W)."""
        small = thumbnail(pixels)
        if small is not None:
            self._thumbnails += small.tobytes()
            self._with_thumbnail.append(len(self._exact))
        digest = hashlib.blake2b(np.ascontiguousarray(pixels.numpy()).data, digest_size=8).digest()
        self._exact.append(int.from_bytes(digest, "little"))

    def equal(self) -> dict[int, int]:
        """Return, by the number of each picture that repeats an earlier one pixel for pixel, the earliest such."""
        hashes = np.array(self._exact, dtype=np.uint64)
        _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
        earliest = first[group.reshape(-1)]
        return {int(number): int(earliest[number]) for number in np.flatnonzero(earliest != np.arange(len(hashes)))}

    def alike(self) -> dict[int, int]:
        """Return, by the number of each picture that looks like an earlier one without being equal, such a picture.

        Their difference hashes (is each place of the thumbnail brighter than its left neighbour?) differ in 3 of 72
        bits at most, and their thumbnails correlate by 0.995. Each is compared with the 16 next of those that share a
        quarter of the bits.
        """
        numbers = np.array(self._with_thumbnail, dtype=np.int64)
        kept = ~np.isin(numbers, list(self.equal()))
        numbers = numbers[kept]
        small = np.frombuffer(bytes(self._thumbnails), dtype=np.uint8).reshape(-1, SIDE, SIDE)[kept]
        bits = (small[:, :, 1:] > small[:, :, :-1]).reshape(-1, BITS)
        found: dict[int, int] = {}
        for band in range(BANDS):
            turned = np.packbits(np.roll(bits, -band * BITS // BANDS, axis=1), axis=1)
            order = np.lexsort(turned.T[::-1])
            for step in range(1, min(WINDOW, len(order) - 1) + 1):
                here, there = order[:-step], order[step:]
                near = np.unpackbits(turned[here] ^ turned[there], axis=1).sum(1) <= MOST_BITS
                here, there = here[near], there[near]
                near = correlations(small[here], small[there]) >= CORRELATION
                for one, other in zip(numbers[here[near]].tolist(), numbers[there[near]].tolist(), strict=True):
                    found.setdefault(max(one, other), min(one, other))
        return dict(sorted(found.items()))


def thumbnail(pixels: Tensor) -> np.ndarray | None:
    """Return a picture (C, H, W) as 9x9 grey bytes.

    None where the picture is smaller than 16 pixels or nearly flat, so that this would say little of it.
    """
    if min(pixels.shape[-2:]) < LEAST_SIZE:
        return None
    grey = pixels.float().mean(0, keepdim=True)[None]
    small = interpolate(grey, size=(SIDE, SIDE), mode="area")[0, 0]
    return small.round().byte().numpy() if small.max() - small.min() >= LEAST_CONTRAST else None


def correlations(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how much each of (N, H, W) pictures, none of them flat, correlates with its counterpart: -1 to 1, (N,)."""
    centred = [each - each.mean((1, 2), keepdims=True) for each in (ones, others)]
    first, second = (each / np.linalg.norm(each, axis=(1, 2), keepdims=True) for each in centred)
    return np.asarray((first * second).sum((1, 2)))
