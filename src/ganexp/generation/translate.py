"""Translation of image files by a trained model, one at a time, so that memory does not grow."""

import io
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor

from ganexp.data.decoding import conversions, deep_values, is_grey, mark_deep_colour, pixels_of, upright
from ganexp.data.depth.planes import require_real
from ganexp.data.depth.value_range import ValueRange
from ganexp.data.files.folders import ARRAY
from ganexp.data.files.lfs_pointers import naming_lfs_pointers
from ganexp.data.files.pages import further_pages
from ganexp.data.sources.arrays import image_in
from ganexp.data.unreadable import reason_of, unreadable
from ganexp.distributed import gpu_memory
from ganexp.errors import UserError
from ganexp.files.atomic import replacing
from ganexp.files.pictures import open_picture
from ganexp.generation.image_files import ImageFiles
from ganexp.generation.tiling import translate_in_tiles
from ganexp.numerics.flags import full_precision
from ganexp.runs.input_channels import input_channels_of
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.runs.value_range import ranges_of
from ganexp.terminal.progress import progress

TIFF = {"format": "TIFF", "compression": "tiff_deflate"}
LOSSLESS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".bmp": {"format": "BMP"},
    ".tif": TIFF,
    ".tiff": TIFF,
    ".webp": {"format": "WEBP", "lossless": True},
}
"""Formats of 8 bits in which outputs are written as their inputs are; others are written as PNG."""
OPPOSITE = {"a2b": "b2a", "b2a": "a2b"}


@full_precision()
def translate_files(run: Run, paths: Sequence[Path], top: Path, out: Path, wanted: str | None, tile: int) -> None:
    """Translate images below ``top`` one by one, and print a summary.

    Raises UserError if none could be read.
    """
    model = load_model(run)
    require_undriven(model)
    direction = resolve_direction(model, wanted, OmegaConf.select(run.config, "data.direction", default="a2b"))
    network = partial(model.translate, direction=direction)
    channels, channels_made = (input_channels_of(run.config.data, name) for name in (direction, OPPOSITE[direction]))
    value_range, values_written = ranges_of(run, direction)
    files = ImageFiles(values_written)
    failures: list[tuple[str, Exception]] = []
    kinds: Counter[str] = Counter()
    suffix = files.suffix(channels_made)
    writes_bytes = files.value_range is None and suffix != ARRAY
    names = output_names([path.relative_to(top) for path in paths], LOSSLESS if writes_bytes else (), suffix)
    with torch.inference_mode(), progress(f"translating {top}", len(paths)) as advance:
        for path, name in zip(paths, names, strict=True):
            try:
                image, conversions_made = read_file(path, channels, value_range)
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                failures.append((str(path), error))
            else:
                if writes_bytes and not is_array(path):
                    write(translate(network, image, model.multiple, tile), out / name)
                else:
                    values = translate_in_tiles(network, image, model.multiple, tile, torch.clone)
                    files.write(values, out / name)
                kinds.update(
                    [*conversions_made, *([f"written as {suffix[1:].upper()}"] if is_renamed(path, name) else [])]
                )
            advance(1)
    if len(failures) == len(paths):
        raise unreadable(failures, len(paths))
    report(len(paths) - len(failures), kinds, failures, out)


def require_undriven(model: Any) -> None:
    """Raise UserError for a model that landmarks drive, which a folder of pictures does not have."""
    if getattr(model, "landmarks", 0):
        raise UserError(
            "run: landmarks drive its model: python -m ganexp translate run=DIR input=PICTURE drive=CLIP out=FILE.gif"
        )


def resolve_direction(model: Any, wanted: str | None, trained: str) -> str:
    """Return the model's own name for a direction between the data's A and B; None means its first direction.

    A model always calls its inputs a; with data.direction=b2a they were B. Raises UserError if the model has no such
    direction, or none at all.
    """
    if not hasattr(model, "translate"):
        raise UserError(
            f"run: its model, {type(model).__name__}, draws images from noise and cannot translate images; train an "
            "image-to-image model, such as model=pix2pix or model=cyclegan"
        )
    directions = {name if trained == "a2b" else OPPOSITE[name]: name for name in model.directions}
    if wanted is None:
        return str(model.directions[0])
    if wanted not in directions:
        raise UserError(f"direction={wanted}: the run's model translates only {' and '.join(directions)}")
    return str(directions[wanted])


def is_array(path: Path) -> bool:
    """Return whether a file is an array."""
    return path.suffix.lower() == ARRAY


def read_file(path: Path, channels: int, value_range: ValueRange | None) -> tuple[Tensor, list[str]]:
    """Return the image of a file, and descriptions of its conversions, none of an array's; as `read` does."""
    return (read_array(path, channels, value_range), []) if is_array(path) else read(path, channels, value_range)


def read_array(path: Path, channels: int, value_range: ValueRange | None) -> Tensor:
    """Return the array of an .npy file as an image (channels, H, W), uint8 or, with a range, float32 in [-1, 1].

    Raises UserError for another number of channels, for damaged files, and for values whose range the run lacks.
    """
    image = image_in(path, channels)
    planes = image[..., None] if image.ndim == 2 else image
    require_real(planes, f"values of {planes.dtype}")
    if value_range is None and planes.dtype != np.uint8:
        raise UserError(f"values of {planes.dtype}, and the run was trained on 8 bits, without data.value_range")
    values = planes if value_range is None else value_range.scaled(planes)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def read(path: Path, channels: int, value_range: ValueRange | None = None) -> tuple[Tensor, list[str]]:
    """Return an image (channels, H, W), upright, and descriptions of its conversions.

    It is uint8 or, with a range of values, float32 in [-1, 1].
    Pillow's errors, mostly OSError, pass through.
    """
    with naming_lfs_pointers(path), open_picture(path) as image:
        if value_range is not None:
            mark_deep_colour(image, path)
            values = value_range.scaled(deep_values(image, channels))
            return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1))), []
        descriptions = [
            *conversions(image),
            *(["of several pages (the first translated)"] if further_pages(image) else []),
        ]
        if is_grey(image) and channels != 1:
            descriptions.append("grey (converted to RGB)")
        if not is_grey(image) and channels == 1:
            descriptions.append("coloured (converted to grey)")
        return pixels_of(upright(image, channels)), descriptions


def translate(network: Any, image: Tensor, multiple: int, tile: int) -> Image.Image:
    """Translate an image, uint8 (C, H, W), to a PIL image.

    Raises UserError if the device's memory is too small for a tile.
    """
    try:
        pixels = translate_in_tiles(network, image, multiple, tile).numpy()
    except torch.cuda.OutOfMemoryError as error:
        raise UserError(f"tile={tile}: {gpu_memory.out_of_memory_message(error)}; choose smaller tiles") from error
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def output_names(names: Sequence[Path], kept: Collection[str], suffix: str) -> list[Path]:
    """Return a different name for each output: the input's if its suffix is kept, as an array's is, else NAME + suffix.

    Of several inputs that differ only in the extension, those that are not kept are NAME.gif + suffix and so on, or
    NAME.gif-2 + suffix if that is the name of another output.
    """
    kept = {*kept, ARRAY}
    named = Counter(bare(name) for name in names)
    taken = {name for name in names if name.suffix.lower() in kept}
    outputs = []
    for name in names:
        output, number = name, 1
        if name.suffix.lower() not in kept:
            stem = name.name if named[bare(name)] > 1 else name.stem
            output = name.with_name(f"{stem}{suffix}")
            while output in taken:
                number += 1
                output = name.with_name(f"{stem}-{number}{suffix}")
            taken.add(output)
        outputs.append(output)
    return outputs


def bare(name: Path) -> str:
    """Return a file's name without extension, as file systems compare it that take capitals for small letters."""
    return str(name.with_suffix("")).casefold()


def is_renamed(path: Path, output: Path) -> bool:
    """Return whether an output has another format than its input."""
    return output.suffix.lower() != path.suffix.lower()


def write(image: Image.Image, path: Path) -> None:
    """Write an image atomically, in the format of its extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # On a full disk TIFF's writer raises no OSError.
    encoded = io.BytesIO()
    image.save(encoded, **LOSSLESS[path.suffix.lower()])
    with replacing(path, "wb") as file:
        file.write(encoded.getbuffer())


def report(done: int, kinds: Counter[str], failures: Sequence[tuple[str, Exception]], out: Path) -> None:
    """Print the number of translations, the conversions, and the images that could not be read."""
    print(f"{done:,} translated images are in {out}")
    if kinds:
        print(f"of these {'; '.join(f'{number:,} {kind}' for kind, number in kinds.items())}")
    for name, error in failures:
        print(f"skipped {name}: {reason_of(error)}", file=sys.stderr)
    if failures:
        print(f"{len(failures):,} of {done + len(failures):,} images cannot be read and were skipped", file=sys.stderr)
