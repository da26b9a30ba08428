"""Files of generated images: PNG where it can hold them, else .npy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ganexp.data.depth.value_range import ValueRange
from ganexp.data.files.folders import ARRAY
from ganexp.drawing.pictures import as_image, save
from ganexp.errors import NotFinite
from ganexp.files.atomic import replacing
from ganexp.numerics.pixels import quantized

PNG = ".png"
PNG_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class ImageFiles:
    """Writes images at the depth of the data that a model was trained on.

    Without a range of values, images of 1, 3 or 4 channels are PNG of 8 bits, others arrays of uint8. With one, values
    are in the units of the data: one channel is a PNG of 16 bits if that holds the range, all others are arrays of
    float32. Arrays are (H, W) or (H, W, C).
    """

    value_range: ValueRange | None = None

    def __call__(self, sample: Tensor, folder: Path, stem: str) -> None:
        """Write an image (C, H, W) in [-1, 1]; raises NotFinite for values that are not finite."""
        self.write(sample, folder / f"{stem}{self.suffix(len(sample))}")

    def suffix(self, channels: int) -> str:
        """Return the suffix of the files of images of so many channels."""
        if self.value_range is None:
            return PNG if channels in PNG_CHANNELS else ARRAY
        return PNG if self.value_range.is_sixteen_bit and channels == 1 else ARRAY

    def write(self, sample: Tensor, path: Path) -> None:
        """Write an image as `__call__` does, to a file that ends in the `suffix` of its channels, or in .npy."""
        if path.suffix.lower() == ARRAY:
            write_array(self._values(sample), path)
        elif self.value_range is None:
            save(as_image(sample), path)
        else:
            save(Image.fromarray(np.rint(self._values(sample)[0]).astype(np.uint16)), path)

    def _values(self, sample: Tensor) -> np.ndarray:
        if self.value_range is None:
            return quantized(sample).cpu().numpy()
        image = sample.float().cpu().numpy()
        if not np.isfinite(image).all():
            raise NotFinite("a sample is not finite (a NaN image): the generator's weights are broken")
        return self.value_range.restored(image)


def write_array(image: np.ndarray, path: Path) -> None:
    """Write an image (C, H, W) as an array (H, W), or (H, W, C) of several channels, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "wb") as file:
        np.save(file, image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))
