"""Image sizes: squares, given by one number, and rectangles, given as [height, width]."""

from collections.abc import Sequence
from typing import NamedTuple


class ImageSize(NamedTuple):
    """Height and width of images, in pixels.

    As text, a square is its side, "64", and a rectangle "64x128", its height first: fingerprints of squares are those
    of a single number.
    """

    height: int
    width: int

    @classmethod
    def of(cls, value: int | Sequence[int]) -> "ImageSize":
        """Return the size that a whole number (a square's side) or [height, width] stands for.

        Raises ValueError for anything else and for sides below 1.
        """
        sides = [value, value] if isinstance(value, int) else list(value) if isinstance(value, Sequence) else []
        if len(sides) != 2 or not all(type(side) is int and side >= 1 for side in sides):
            raise ValueError(
                f"image_size must be a whole number of at least 1, or [height, width] of two such, not {value!r}"
            )
        return cls(*sides)

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.height * self.width

    @property
    def is_square(self) -> bool:
        """Whether height and width are equal."""
        return self.height == self.width

    @property
    def setting(self) -> int | list[int]:
        """The size as it is written in a configuration: a number for a square, else [height, width]."""
        return self.height if self.is_square else [self.height, self.width]

    @property
    def argument(self) -> str:
        """The size as it is written on the command line, without spaces."""
        return str(self.setting).replace(" ", "")

    @property
    def text(self) -> str:
        """Height x width, such as "64x64" and "64x128"."""
        return f"{self.height}x{self.width}"

    def __str__(self) -> str:
        return str(self.height) if self.is_square else self.text
