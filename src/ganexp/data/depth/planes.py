"""Images that PIL has no mode for: any number of channels, any real type."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganexp.data.depth.value_range import ValueRange
from ganexp.errors import UserError

# Luma of ITU-R BT.601, as in Pillow.
BRIGHTNESS = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, eq=False)
class Planes:
    """Values (H, W, C) of an image; with ``scaled_from``, in [-1, 1] already, scaled from that range."""

    values: np.ndarray
    scaled_from: ValueRange | None = None

    @property
    def measured(self) -> np.ndarray:
        """The values (H, W, C) in their own units."""
        return self.values if self.scaled_from is None else self.scaled_from.restored(self.values)

    @property
    def size(self) -> tuple[int, int]:
        """The width and height, as of a PIL image."""
        height, width = self.values.shape[:2]
        return width, height

    @property
    def mode(self) -> str:
        """The type and the number of channels, for messages."""
        return f"{self.values.dtype} x {self.values.shape[2]}"


def with_channels(values: np.ndarray, channels: int) -> np.ndarray:
    """Return values (H, W, C) with a number of channels: grey is repeated for RGB, and RGB becomes its brightness.

    Raises UserError for other numbers of channels.
    """
    own = values.shape[2]
    if own == channels:
        return values
    if (own, channels) == (1, 3):
        return values.repeat(3, axis=2)
    if (own, channels) == (3, 1):
        grey = values.astype(np.float64) @ BRIGHTNESS
        is_integer = np.issubdtype(values.dtype, np.integer)
        brightness: np.ndarray = np.rint(grey) if is_integer else grey
        return brightness.astype(values.dtype)[..., None]
    raise wrong_channels(own, channels)


def wrong_channels(own: int, channels: int) -> UserError:
    """Return the error for an image that cannot be given another number of channels."""
    return UserError(f"it has {own} channel{'s' * (own != 1)}, and data.channels={channels}: data.channels={own}")


def require_real(values: Any, described: str) -> None:
    """Raise UserError unless an array has whole or floating-point numbers."""
    if values.dtype.kind not in "uif":
        raise UserError(f"{described}: give whole or floating-point numbers, such as uint8, uint16 or float32")
