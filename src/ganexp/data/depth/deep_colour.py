"""Pictures of 16-bit colour at full depth, of which Pillow reads 8 bits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ganexp.errors import UserError

Box = tuple[int, int, int, int]
"""The left, upper, right and lower edge of a part of a picture, as in Pillow."""
WHITE = np.iinfo(np.uint16).max

# Of EXIF, by number: how an array (H, W, C) is turned upright.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.rot90(values, 2).swapaxes(0, 1),
    8: np.rot90,
}


@dataclass(frozen=True)
class DeepColour:
    """A file of 16-bit colour, PNG or TIFF, its EXIF orientation, and the part that is used (None: all)."""

    path: Path
    kind: str
    orientation: int = 1
    box: Box | None = None

    def cropped(self, box: Box) -> "DeepColour":
        """Return a part of the upright picture."""
        return replace(self, box=box)

    def values(self, with_alpha: bool) -> np.ndarray:
        """Return values (H, W, C), upright, uint16; without alpha, transparent pictures are composited on white.

        Raises UserError for files that are neither PNG nor TIFF.
        """
        read = READERS.get(self.kind)
        if read is None:
            raise UserError(f"16-bit colour in {self.kind}, of which 8 bits are read: save it as PNG, TIFF or .npy")
        turned = UPRIGHT.get(self.orientation, np.asarray)(read(self.path))
        left, upper, right, lower = (0, 0, turned.shape[1], turned.shape[0]) if self.box is None else self.box
        part = turned[upper:lower, left:right]
        return part if with_alpha or part.shape[2] not in (2, 4) else _on_white(part)


def _on_white(values: np.ndarray) -> np.ndarray:
    colour, alpha = values[..., :-1].astype(np.float64), values[..., -1:] / WHITE
    return np.rint(colour * alpha + WHITE * (1 - alpha)).astype(values.dtype)


def _png(path: Path) -> np.ndarray:
    from torchvision.io import ImageReadMode, decode_image, read_file

    values: np.ndarray = decode_image(read_file(str(path)), ImageReadMode.UNCHANGED).permute(1, 2, 0).numpy()
    if values.dtype != np.uint16:
        raise UserError("16-bit colour in PNG needs torchvision 0.20 or newer")
    return values


def _tiff(path: Path) -> np.ndarray:
    try:
        import tifffile
    except ImportError as error:
        raise UserError("16-bit colour in TIFF needs tifffile: pip install 'ganexp[tiff]'") from error
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        values: np.ndarray = page.asarray()
    # Planes of their own come first.
    return np.moveaxis(values, 0, 2) if page.axes.startswith("S") else values


READERS: dict[str, Callable[[Path], np.ndarray]] = {"PNG": _png, "TIFF": _tiff}
