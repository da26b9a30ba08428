"""Pictures of a user's folder, fitted to what a generator draws."""

from pathlib import Path

import torch
from torch import Tensor

from ganexp.data.decoding import Decoder
from ganexp.data.files.folders import images_below
from ganexp.data.unreadable import unreadable
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.files.pictures import open_picture


def read_pictures(
    folder: Path, shape: tuple[int, int, int], most: int, option: str = "images"
) -> tuple[list[str], Tensor]:
    """Return the names of the first pictures below a folder, or of one file, and the pictures (N, C, H, W) in [-1, 1].

    They are fitted to the shape (C, H, W) as training images are. ``option`` is the name of what gave the folder.
    Raises UserError if there are none or some cannot be read.
    """
    if not folder.exists():
        raise UserError(f"{option}={folder}: does not exist")
    paths = [str(folder)] if folder.is_file() else images_below(folder)
    if not paths:
        raise UserError(f"{option}={folder}: has no images in it or below it")
    decoder = Decoder(shape[1:], shape[0])
    pictures: list[Tensor] = []
    failures: list[tuple[str, Exception]] = []
    for path in paths[:most]:
        try:
            with open_picture(path) as image:
                pictures.append(decoder(image))
        except Exception as error:  # Pillow can raise almost any exception on a broken file
            failures.append((path, error))
    if failures:
        raise unreadable(failures, len(paths[:most]))
    top = folder.parent if folder.is_file() else folder
    return [str(Path(path).relative_to(top)) for path in paths[:most]], to_signed_unit(torch.stack(pictures))
