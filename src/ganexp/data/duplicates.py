"""Pictures that are there twice, found by hashes: a few bytes are kept of each picture, never its pixels."""

import hashlib
from array import array

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

LEAST_SIZE = 16
LEAST_CONTRAST = 16
"""In grey levels: what is flatter looks like any other flat picture."""
MOST_BITS = 3
BITS = 72
BANDS = 4
"""One more than MOST_BITS: of two hashes that differ in so few bits, one band at least is equal."""
WINDOW = 16


class Duplicates:
    """Remembers pictures by their hashes, numbered as they come."""

    def __init__(self) -> None:
        self._exact = array("Q")
        self._looks = bytearray()
        self._with_look = array("q")

    def add(self, pixels: Tensor) -> None:
        """Remember a decoded picture, uint8 (C, H, W)."""
        look = look_hash(pixels)
        if look is not None:
            self._looks += look
            self._with_look.append(len(self._exact))
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

        Their hashes differ in 3 of 72 bits at most; each is compared with the 16 next of those that share 18 bits.
        """
        numbers = np.array(self._with_look, dtype=np.int64)
        kept = ~np.isin(numbers, list(self.equal()))
        numbers = numbers[kept]
        looks = np.frombuffer(bytes(self._looks), dtype=np.uint8).reshape(-1, BITS // 8)[kept]
        bits = np.unpackbits(looks, axis=1)
        found: dict[int, int] = {}
        for band in range(BANDS):
            turned = np.packbits(np.roll(bits, -band * BITS // BANDS, axis=1), axis=1)
            order = np.lexsort(turned.T[::-1])
            for step in range(1, min(WINDOW, len(order) - 1) + 1):
                here, there = order[:-step], order[step:]
                near = np.unpackbits(looks[here] ^ looks[there], axis=1).sum(1) <= MOST_BITS
                for one, other in zip(numbers[here[near]].tolist(), numbers[there[near]].tolist(), strict=True):
                    found.setdefault(max(one, other), min(one, other))
        return dict(sorted(found.items()))


def look_hash(pixels: Tensor) -> bytes | None:
    """Return 72 bits of how a picture (C, H, W) looks: whether each of 9x8 places is brighter than its left neighbour.

    None where the picture is smaller than 16 pixels or nearly flat, so that this says little. It is known as the
    difference hash.
    """
    if min(pixels.shape[-2:]) < LEAST_SIZE:
        return None
    grey = pixels.float().mean(0, keepdim=True)[None]
    small = interpolate(grey, size=(9, 9), mode="area")[0, 0]
    if small.max() - small.min() < LEAST_CONTRAST:
        return None
    return np.packbits(torch.gt(small[:, 1:], small[:, :-1]).numpy()).tobytes()
