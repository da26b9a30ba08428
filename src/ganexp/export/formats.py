"""A format of exported networks: how a file is written and read back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from ganexp.export.portable import Portable

Run = Callable[[Mapping[str, Tensor]], tuple[Tensor, ...]]
"""Maps inputs by name to the outputs of a network that was read from a file."""


class Format(Protocol):
    """A module that writes a network to a file and reads it back."""

    def write(self, portable: "Portable", description: Mapping[str, Any], path: Path) -> None:
        """Write the network with its description."""
        ...

    def read(self, portable: "Portable", path: Path) -> Run:
        """Return the network that the file holds."""
        ...
