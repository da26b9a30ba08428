"""Arrays in files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.array_files import arrays_in, memory_mapped
from ganexp.data.depth.planes import require_real, wrong_channels
from ganexp.data.files.folders import arrays_below
from ganexp.data.files.path_table import PathTable
from ganexp.data.pictures import Pictures
from ganexp.errors import UserError

FIRST, LAST = "channels_first", "channels_last"
LAYOUTS = (FIRST, LAST)


def arrays(
    path: str,
    channels: int,
    value_range: str | Sequence[float] | None = None,
    key: str | None = None,
    label_key: str | None = None,
    layout: str | None = None,
) -> Pictures:
    """Return the images of an .npy, .npz or HDF5 file, or of a folder of .npy files with one image each.

    They are (N, H, W), (N, H, W, C) or (N, C, H, W), in a file of its own without N; uint8, or any real type if
    there is a `value_range`. `layout` says
    where the channels are, if both places have as many as `channels`. Labels are (N,), whole numbers from 0; in a
    folder, two or more subfolders are classes. An .npy or HDF5 file stays on disk.

    Raises UserError for other shapes and types, another number of channels, and files that are damaged or have pickled
    objects.
    """
    place = Path(path).expanduser()
    if layout not in (None, *LAYOUTS):
        raise UserError(f"data.source.layout={layout}: choose one of {', '.join(LAYOUTS)}, or null.")
    if place.is_dir():
        folder = folder_of_arrays(place, channels, layout)
        require_range(memory_mapped(Path(folder.name(0))).dtype, value_range, folder.name(0))
        return folder
    if not place.is_file():
        raise UserError(f"{place} does not exist: give a file or a folder of arrays (data.path=FILE).")
    stacked = StackedArrays(place, *arrays_in(place, key, label_key), channels, layout)
    require_range(stacked.images.dtype, value_range, str(place))
    return stacked


def require_range(dtype: np.dtype[Any], value_range: object, name: str) -> None:
    """Raise UserError for other types than uint8 without a range of values."""
    if value_range is None and dtype != np.uint8:
        raise UserError(
            f"{name} has {dtype} values, which become [-1,1] within a range that is to be stated: "
            f"data.value_range={'[0,1]' if dtype.kind == 'f' else '[0,4095]'}, or percentiles."
        )


class StackedArrays:
    """Images from one array with all of them, and their labels (N,) or none."""

    def __init__(self, path: Path, images: Any, labels: np.ndarray | None, channels: int, layout: str | None) -> None:
        self.path = path
        self.images = images
        described = f"{path} ({images.dtype}, shape {tuple(images.shape)})"
        if len(images.shape) not in (3, 4):
            raise UserError(f"{described}: give (N, H, W), (N, H, W, C) or (N, C, H, W)")
        require_real(images, described)
        self.axis = channel_axis(tuple(images.shape[1:]), channels, layout, described)
        self.labels = None if labels is None else checked_labels(labels, len(images), path)
        self.classes = [] if self.labels is None else [str(number) for number in range(int(self.labels.max()) + 1)]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return channels_last(self.images[index], self.axis), 0 if self.labels is None else int(self.labels[index])

    def name(self, index: int) -> str:
        """Return the file and the number of one image."""
        return f"{self.path}[{index}]"

    @property
    def version(self) -> str:
        """What changes with the content."""
        return version_of_file(self.path)


class ArrayFiles:
    """Images from .npy files with one image each, and their class numbers or none."""

    def __init__(
        self,
        paths: Sequence[str],
        channels: int,
        layout: str | None = None,
        labels: Sequence[int] | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        self.paths = PathTable(paths)
        self.channels = channels
        self.layout = layout
        self.labels = labels
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        image = image_in(Path(self.name(index)), self.channels, self.layout)
        return np.asarray(image), 0 if self.labels is None else self.labels[index]

    def name(self, index: int) -> str:
        """Return the path of one image."""
        return self.paths[index]


def folder_of_arrays(folder: Path, channels: int, layout: str | None) -> ArrayFiles:
    """Return the images of the .npy files below a folder; two or more subfolders are classes.

    Raises UserError if there are none.
    """
    paths = arrays_below(folder)
    if not paths:
        raise UserError(f"{folder} has no .npy files.")
    tops = [Path(path).relative_to(folder).parts for path in paths]
    names = sorted({parts[0] for parts in tops if len(parts) > 1})
    if len(names) < 2 or any(len(parts) == 1 for parts in tops):
        return ArrayFiles(paths, channels, layout)
    return ArrayFiles(paths, channels, layout, [names.index(parts[0]) for parts in tops], names)


def image_in(path: Path, channels: int, layout: str | None = None) -> np.ndarray:
    """Return the image (H, W) or (H, W, C) of an .npy file, memory-mapped.

    Raises UserError for another number of channels, for other shapes, and for files that are damaged.
    """
    image = memory_mapped(path)
    described = f"{image.dtype}, shape {image.shape}"
    if image.ndim not in (2, 3):
        raise UserError(f"{described}: give (H, W), (H, W, C) or (C, H, W)")
    return channels_last(image, channel_axis(image.shape, channels, layout, described))


def channel_axis(shape: Sequence[int], channels: int, layout: str | None, described: str) -> int | None:
    """Return the axis of the channels in an image's shape, 0 or 2; None for (H, W).

    Raises UserError if neither place has that many channels, or both have and there is no layout.
    """
    if len(shape) == 2:
        if channels != 1:
            raise UserError(f"{described}: {wrong_channels(1, channels)}")
        return None
    axes = {FIRST: 0, LAST: 2}
    fitting = [axis for name, axis in axes.items() if shape[axis] == channels and layout in (None, name)]
    if len(fitting) == 2:
        raise UserError(
            f"{described}: data.channels={channels} are either the first or the last: data.source.layout={FIRST}, or "
            f"{LAST}"
        )
    if not fitting:
        own = shape[axes[layout]] if layout in axes else min(shape[0], shape[2])
        raise UserError(f"{described}: {wrong_channels(own, channels)}")
    return fitting[0]


def channels_last(image: np.ndarray, axis: int | None) -> np.ndarray:
    """Return an image (C, H, W), (H, W, C) or (H, W) as (H, W, C) or (H, W)."""
    return np.moveaxis(image, 0, 2) if axis == 0 else image


def checked_labels(labels: np.ndarray, count: int, path: Path) -> np.ndarray:
    """Return class numbers (N,), int64; raises UserError unless they are whole numbers from 0, one for every image."""
    flat = labels.reshape(-1) if labels.shape in ((count,), (count, 1)) else None
    is_whole = flat is not None and flat.dtype.kind in "ui" and count > 0
    # Each number up to the largest one is a class.
    most = max(1000, count)
    if flat is None or not is_whole or not 0 <= int(flat.min()) <= int(flat.max()) < most:
        raise UserError(
            f"{path}: labels of {labels.dtype} and shape {labels.shape} for {count:,} images: give whole numbers from "
            f"0 and below {most:,}, one for every image."
        )
    return flat.astype(np.int64)


def version_of_file(path: Path) -> str:
    """Return the size and the time of modification of a file."""
    state = path.stat()
    return f"{path.absolute()} {state.st_size} {state.st_mtime_ns}"
