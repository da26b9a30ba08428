"""CelebA data set."""

import contextlib
import io
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from torchvision.datasets import CelebA

from ganexp.data.pictures import FilePictures
from ganexp.data.sources.splits import check_split
from ganexp.errors import UserError
from ganexp.files.cache import one_process_at_a_time
from ganexp.files.download import Remote, missing

ADDRESS = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def celeba(root: str, split: str = "train", download: bool = True, attribute: str | None = None) -> FilePictures:
    """Return CelebA's aligned faces, RGB 178x218: 162,770 to train, 19,867 to validate, 19,962 to test.

    `split` is train, valid, test or all. Unlabelled, unless `attribute` is one of the 40 attributes (such as
    Smiling): then there are two classes, without and with it. `root`/celeba holds the files, as for
    torchvision. Raises UserError if they are missing and cannot be downloaded (the download needs gdown).
    Source: Liu et al., 2015, https://arxiv.org/abs/1411.7766.
    """
    check_split("CelebA", split, ("train", "valid", "test", "all"))
    top = Path(root).expanduser().absolute()
    data = _opened(top, split)
    if data is None:
        if not download:
            raise _missing(top, "files missing and download=false")
        with one_process_at_a_time(top / "celeba"):
            data = _opened(top, split) or _downloaded(top, split)
    folder = top / CelebA.base_folder / "img_align_celeba"
    paths = [str(folder / name) for name in data.filename]
    if attribute is None:
        return FilePictures(paths)
    names = [name for name in data.attr_names if name]
    if attribute not in names:
        raise UserError(f"CelebA has no attribute {attribute!r}: data.source.attribute={'|'.join(names)}.")
    return FilePictures(paths, data.attr[:, names.index(attribute)].tolist(), [f"not {attribute}", attribute])


def _opened(root: Path, split: str) -> CelebA | None:
    try:
        return CelebA(root, split=split)
    except RuntimeError:
        return None


def _downloaded(root: Path, split: str) -> CelebA:
    if find_spec("gdown") is None and not _archive_exists(root):
        raise _missing(root, "the download needs gdown: pip install 'ganexp[celeba]'")
    # gdown writes progress bars to both streams; only a terminal should show them.
    streams = contextlib.ExitStack()
    with streams:
        if not sys.stderr.isatty():
            streams.enter_context(contextlib.redirect_stderr(io.StringIO()))
        streams.enter_context(contextlib.redirect_stdout(sys.stderr))
        try:
            return CelebA(root, split=split, download=True)
        except Exception as error:  # gdown raises its own, requests' and the system's errors
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise _missing(root, f"download failed ({reason})") from error


def _archive_exists(root: Path) -> bool:
    return all((root / CelebA.base_folder / name).is_file() for _, _, name in CelebA.file_list)


def _missing(root: Path, why: str) -> UserError:
    files = [Remote(name, md5) for _, md5, name in CelebA.file_list]
    return missing("CelebA", why, files, ADDRESS, root / CelebA.base_folder.replace("/", os.sep))
