"""The size that training images are resized to before random crops (arXiv 1611.07004, section 6.2)."""

from typing import Any

from ganexp.errors import UserError
from ganexp.image_size import ImageSize

LARGEST_USUAL_ENLARGEMENT = 1.5


def usual_load_size(image_size: ImageSize) -> ImageSize:
    """Return 286/256 of the size of the crops."""
    return ImageSize(*(round(side * 286 / 256) for side in image_size))


def checked_load_size(load_size: Any, image_size: ImageSize) -> ImageSize:
    """Return the size that training images are cropped from, that of the crops for None.

    Raises UserError for anything but a size, and for one that is smaller than the crops.
    """
    if load_size is None:
        return image_size
    # Its default is a reference, which is compatible with every type when settings are checked.
    try:
        size = ImageSize.of(load_size)
    except ValueError as error:
        raise UserError(
            f"data.load_size={load_size}: give a whole number or [height, width], or null for no random crops."
        ) from error
    if size.height < image_size.height or size.width < image_size.width:
        raise UserError(
            f"data.load_size={load_size} is smaller than the crops of data.image_size={image_size.argument}: give at "
            f"least {image_size.argument}, or null for no random crops."
        )
    return size


def warning_of_small_crops(load_size: ImageSize, image_size: ImageSize) -> str | None:
    """Return that crops show much less than the whole pictures of the test set, with the usual size; None if not."""
    ratio = max(load / size for load, size in zip(load_size, image_size, strict=True))
    if ratio <= LARGEST_USUAL_ENLARGEMENT:
        return None
    return (
        f"training images are crops of {image_size} pixels from pictures resized to {load_size} ({ratio:.1f} times as "
        f"large), but test images are whole pictures; usual is data.load_size={usual_load_size(image_size).argument}"
    )
