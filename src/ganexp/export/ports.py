"""Inputs and outputs of an exported network: names, shapes, types and values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

BATCH, HEIGHT, WIDTH = "batch", "height", "width"

Draw = Callable[[tuple[int, ...], torch.Generator], Tensor]
"""Maps a shape and a source of random numbers to an example of an input."""


@dataclass(frozen=True)
class Port:
    """An input or an output; a name in ``shape``, such as "batch", stands for any size."""

    name: str
    shape: tuple[int | str, ...]
    values: str
    dtype: str = "float32"

    def described(self) -> dict[str, Any]:
        """Return the description that is written into the file."""
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype, "values": self.values}

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.shape))})"


@dataclass(frozen=True)
class Input:
    """An input of a network with a function that draws examples of it."""

    port: Port
    draw: Draw

    def example(self, sizes: Mapping[str, int], generator: torch.Generator) -> Tensor:
        """Return an example whose named sizes are those given."""
        return self.draw(tuple(sizes[side] if isinstance(side, str) else side for side in self.port.shape), generator)
