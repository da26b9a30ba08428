"""Dropout, optionally active at test time as a network's source of noise."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from ganexp.numerics.randomness import generator


class Dropout(nn.Module):
    """Dropout that may stay on in evaluation, as the noise of an image-to-image network (arXiv 1611.07004).

    In evaluation all images share one mask, the same for all maps of one shape, so that an image's output depends
    neither on its batch nor on earlier random draws. With ``per_image`` an image's mask is that of its number, which
    `numbered` sets; images without a number have that of number 0, the shared one. Raises ValueError unless 0 <= p < 1.
    """

    def __init__(self, p: float, at_test: bool = False, per_image: bool = False) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout={p}: a probability is expected, at least 0 and below 1")
        self.p = p
        self.at_test = at_test
        self.per_image = per_image
        self.numbers: Tensor | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H, W) with values set to 0 with probability p, the others divided by 1 - p."""
        if self.training:
            return dropout(maps, self.p)
        return maps * self.masks(maps) if self.at_test else maps

    def masks(self, maps: Tensor) -> Tensor:
        """Return the masks, (C, H, W) or one for each image (N, C, H, W), that multiply maps in evaluation."""
        if self.numbers is None or not self.per_image:
            return self.mask(maps)
        return torch.stack([self.mask(maps, number) for number in self.numbers.tolist()])

    def mask(self, maps: Tensor, number: int = 0) -> Tensor:
        """Return the mask (C, H, W) of a number for maps (N, C, H, W), divided by 1 - p."""
        shape = maps.shape[1:]
        keep = torch.rand(shape, generator=generator(0, f"dropout of {tuple(shape)}", number)) >= self.p
        return keep.to(maps) / (1 - self.p)

    def extra_repr(self) -> str:
        """Return the settings, for a network's printed form."""
        per_image = ", per_image=True" if self.per_image else ""
        return f"p={self.p}, at_test={self.at_test}{per_image}"


@contextmanager
def numbered(network: nn.Module, numbers: Tensor | None) -> Iterator[None]:
    """Give the images of a batch their numbers (N,), by which a network's dropouts in evaluation draw their masks."""
    dropouts = [module for module in network.modules() if isinstance(module, Dropout)]
    for module in dropouts:
        module.numbers = numbers
    try:
        yield
    finally:
        for module in dropouts:
            module.numbers = None


def draws_per_image(network: nn.Module) -> bool:
    """Return whether a network has dropout that in evaluation has a mask for each image."""
    return any(isinstance(module, Dropout) and module.at_test and module.per_image for module in network.modules())
