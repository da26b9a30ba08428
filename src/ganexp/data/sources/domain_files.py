"""Files of one domain of image-to-image data: pictures, or arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganexp.data.files.folders import ARRAY
from ganexp.data.files.headers import Size, upright_sizes
from ganexp.data.pictures import FilePictures, Pictures
from ganexp.data.problems import report_problem
from ganexp.data.sources.arrays import ArrayFiles, image_in, require_range
from ganexp.data.unreadable import unreadable, unreadable_problem


@dataclass(frozen=True)
class DomainFiles:
    """Reads the files of one domain: pictures, or .npy arrays (H, W), (H, W, C) or (C, H, W) of so many channels.

    Arrays are uint8, or any real type if there is a range of values.
    """

    channels: int
    value_range: str | Sequence[float] | None = None

    def sizes(self, paths: Sequence[str], where: str) -> dict[str, Size]:
        """Return the width and height of each file, by path, without those that are unreadable, which are reported.

        Raises UnreadableError, a UserError with the files' names, and UserError for arrays without a range of values.
        """
        if not are_arrays(paths):
            return upright_sizes(paths, where)
        sizes: dict[str, Size] = {}
        failures: list[tuple[str, Exception]] = []
        for path in paths:
            try:
                image = image_in(Path(path), self.channels)
            except Exception as error:  # a broken file makes NumPy raise nearly anything
                failures.append((path, error))
            else:
                require_range(image.dtype, self.value_range, path)
                sizes[path] = (image.shape[1], image.shape[0])
        if failures:
            report_problem(unreadable(failures, len(paths)), unreadable_problem(failures))
        return sizes

    def opened(self, paths: Sequence[str]) -> Pictures:
        """Return the images of files, all of one kind."""
        return ArrayFiles(paths, self.channels) if are_arrays(paths) else FilePictures(paths)


def are_arrays(paths: Sequence[str]) -> bool:
    """Return whether a domain's files are arrays; they are of one kind (`images_in`)."""
    return bool(paths) and Path(paths[0]).suffix.lower() == ARRAY


def domain_files(
    direction: str, channels: int, input_channels: int | None, value_range: str | Sequence[float] | None
) -> tuple[DomainFiles, DomainFiles]:
    """Return how the files of A and of B are read, of which the input is A, or B with the direction b2a."""
    targets = DomainFiles(channels, value_range)
    inputs = DomainFiles(channels if input_channels is None else input_channels, value_range)
    return (targets, inputs) if direction == "b2a" else (inputs, targets)
