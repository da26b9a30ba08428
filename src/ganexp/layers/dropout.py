"""Dropout, optionally active at test time as a network's source of noise."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from ganexp.numerics.randomness import generator


class Dropout(nn.Module):
    """Dropout that may stay on in evaluation, as the noise of an image-to-image network (arXiv 1611.07004).

    In evaluation all images share one mask, the same for all maps of one shape, so that an image's output depends
    neither on its batch nor on earlier random draws. Raises ValueError unless 0 <= p < 1.
    """

    def __init__(self, p: float, at_test: bool = False) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout={p}: a probability is expected, at least 0 and below 1")
        self.p = p
        self.at_test = at_test

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H, W) with values set to 0 with probability p, the others divided by 1 - p."""
        if self.training:
            return dropout(maps, self.p)
        return maps * self.mask(maps) if self.at_test else maps

    def mask(self, maps: Tensor) -> Tensor:
        """Return the mask (C, H, W), divided by 1 - p, that multiplies maps (N, C, H, W) in evaluation."""
        shape = maps.shape[1:]
        keep = torch.rand(shape, generator=generator(0, f"dropout of {tuple(shape)}")) >= self.p
        return keep.to(maps) / (1 - self.p)

    def extra_repr(self) -> str:
        """Return the settings, for a network's printed form."""
        return f"p={self.p}, at_test={self.at_test}"
