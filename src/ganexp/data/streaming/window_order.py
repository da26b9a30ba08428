"""Order of the images of a stream within an epoch: row groups in random order, images shuffled within a window."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ganexp.data.epoch_order import EpochOrder


class WindowShuffled:
    """Row groups of ``rows`` images each, permuted, and their images spread over about ``window`` positions.

    Image j of a group that begins at position b of the permuted groups has the key b + u, u uniform on [0, window), and
    the order is that of the keys. So every image occurs once, and images that are next to each other come from groups
    that begin within ``window`` positions: only these have to be at hand, and one after another is left behind. With a
    window far above the number of images, it is nearly a full shuffle. The first images of an epoch come from its first
    groups only.

    ``draws`` chooses the images of an epoch, by default each once; the order that it has them in is not used. An image
    has a key for each time that it is drawn, so no more row groups have to be at hand.
    """

    def __init__(self, rows: Sequence[int], window: int, draws: EpochOrder | None = None) -> None:
        self.rows = torch.as_tensor(rows, dtype=torch.int64)
        self.window = window
        self.draws = draws

    def drawing(self, draws: EpochOrder) -> "WindowShuffled":
        """Return the same order of the images that ``draws`` chooses."""
        return WindowShuffled(self.rows.tolist(), self.window, draws)

    def __call__(self, rng: torch.Generator) -> Tensor:
        """Return the indices (N,), N the sum of ``rows``, or as many as are drawn."""
        sequence = torch.randperm(len(self.rows), generator=rng)
        lengths = self.rows[sequence]
        begins = torch.empty_like(self.rows)
        begins[sequence] = lengths.cumsum(0) - lengths
        begins = begins.repeat_interleave(self.rows)
        drawn = torch.arange(len(begins)) if self.draws is None else self.draws(rng)
        spread = torch.rand(len(drawn), generator=rng, dtype=torch.float64) * self.window
        return drawn[(begins[drawn] + spread).argsort(stable=True)]
