"""Order of the images of a stream within an epoch: row groups in random order, images shuffled within a window."""

from collections.abc import Sequence

import torch
from torch import Tensor


class WindowShuffled:
    """Row groups of ``rows`` images each, permuted, and their images spread over about ``window`` positions.

    Image j of a group that begins at position b of the permuted groups has the key b + u, u uniform on [0, window), and
    the order is that of the keys. So every image occurs once, and images that are next to each other come from groups
    that begin within ``window`` positions: only these have to be at hand, and one after another is left behind. With a
    window far above the number of images, it is nearly a full shuffle. The first images of an epoch come from its first
    groups only.
    """

    def __init__(self, rows: Sequence[int], window: int) -> None:
        self.rows = torch.as_tensor(rows, dtype=torch.int64)
        self.window = window

    def __call__(self, rng: torch.Generator) -> Tensor:
        """Return the indices (sum of rows,)."""
        sequence = torch.randperm(len(self.rows), generator=rng)
        lengths = self.rows[sequence]
        begins = torch.empty_like(self.rows)
        begins[sequence] = lengths.cumsum(0) - lengths
        spread = torch.rand(int(self.rows.sum()), generator=rng, dtype=torch.float64) * self.window
        return (begins.repeat_interleave(self.rows) + spread).argsort(stable=True)
