"""Image folders for evaluation, of one size or resized on request."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from omegaconf import DictConfig

from ganexp.data.disk import OnDisk
from ganexp.data.files.folders import image_files
from ganexp.data.files.lfs_pointers import naming_lfs_pointers
from ganexp.data.files.pages import further_pages, report_further_pages
from ganexp.data.pictures import FilePictures
from ganexp.data.unreadable import unreadable
from ganexp.errors import UserError
from ganexp.evaluation.decoders import decoder_of
from ganexp.files.pictures import open_picture
from ganexp.generation.sample import GRID
from ganexp.image_size import ImageSize
from ganexp.terminal.progress import progress

GREY_MODES = ("1", "L", "I", "I;16")

FolderImages = OnDisk


def folder_images(folder: Path, data: DictConfig) -> FolderImages:
    """Return a folder's images, decoded by the data's settings."""
    decoder = decoder_of(data)
    return OnDisk(FilePictures(sample_files(folder)), decoder, labelled=False)


def sample_files(folder: Path) -> list[str]:
    """Return the image files of a folder, without the grid that `ganexp sample` writes next to its samples."""
    paths, _, _ = image_files(folder)
    return [path for path in paths if Path(path).name != GRID]


def match_size_and_channels(config: DictConfig, fake: Path, given: set[str]) -> DictConfig:
    """Return the configuration with the image size and channels that both sides share.

    The user's settings take precedence. Raises UserError if sizes or channels differ and the user set none, as resizing
    changes every score.
    """
    folders = {"fake": fake}
    settings = config.copy()
    against_folder = "data.root" in given
    if against_folder:
        folders["real"] = Path(config.data.root)
    kinds = {name: count_kinds(folder) for name, folder in folders.items()}
    if "data.image_size" not in given:
        expected = None if against_folder else ImageSize.of(settings.data.image_size)
        settings.data.image_size = common_size(kinds, expected).setting
    if "data.channels" not in given:
        settings.data.channels = common_channels(kinds, None if against_folder else settings.data.channels)
    if against_folder:
        # Class folders are only needed by a classifier.
        settings.data.name = "image_folder"
    return settings


def count_kinds(folder: Path) -> Counter[tuple[tuple[int, int], int]]:
    """Count a folder's images by ((width, height), channels), from their headers alone.

    Raises UnreadableError naming files that are not images.
    """
    paths = sample_files(folder)
    kinds: Counter[tuple[tuple[int, int], int]] = Counter()
    failures: list[tuple[str, Exception]] = []
    pages = files = 0
    with progress(f"reading {folder}", len(paths)) as advance:
        for path in paths:
            try:
                with naming_lfs_pointers(path), open_picture(path) as image:
                    further = further_pages(image)
                    pages, files = pages + further, files + (further > 0)
                    kinds[image.size, 1 if image.mode in GREY_MODES else 3] += 1
            except Exception as error:  # Pillow can raise almost any exception on a broken file
                failures.append((path, error))
            advance(1)
    if failures:
        raise unreadable(failures, len(paths))
    report_further_pages(folder, pages, files)
    return kinds


def common_size(kinds: dict[str, Counter[tuple[tuple[int, int], int]]], expected: ImageSize | None) -> ImageSize:
    """Return the one size that all images have.

    Raises UserError listing the sizes (width x height) if they differ.
    """
    sizes = {name: {size for size, _ in counts} for name, counts in kinds.items()}
    every = set().union(*sizes.values()) | ({(expected.width, expected.height)} if expected else set())
    (width, height) = next(iter(every))
    if len(every) == 1:
        return ImageSize(height, width)
    listed = "; ".join(f"{name}: {shown(f'{w}x{h}' for w, h in sorted(pairs))}" for name, pairs in sizes.items())
    wanted = f"; the data has {expected.width}x{expected.height}" if expected else ""
    raise UserError(
        f"the images are not all of one size ({listed}{wanted}), and resizing changes every score; "
        f"choose the size to compare at, for example data.image_size={min(min(size) for size in every)}"
    )


def common_channels(kinds: dict[str, Counter[tuple[tuple[int, int], int]]], expected: int | None) -> int:
    """Return the common number of channels.

    Raises UserError if some images are grey and some are coloured.
    """
    channels = {name: {channels for _, channels in counts} for name, counts in kinds.items()}
    every = set().union(*channels.values()) | ({expected} if expected else set())
    if len(every) == 1:
        return next(iter(every))
    listed = "; ".join(f"{name}: {shown(map(str, sorted(numbers)))}" for name, numbers in channels.items())
    wanted = f"; the data has {expected}" if expected else ""
    raise UserError(
        f"the images do not have the same number of channels ({listed}{wanted}); compare them in colour with "
        "data.channels=3 or in grey with data.channels=1"
    )


def shown(names: Iterable[str], most: int = 3) -> str:
    """Return the first few names and the number of further ones."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
