"""Translation of image files by a trained model, one at a time, so that memory does not grow."""

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
from ganexp.files.pictures import open_picture
from ganexp.generation.image_files import ImageFiles
from ganexp.generation.tiling import translate_in_tiles
from ganexp.numerics.flags import full_precision
from ganexp.runs.input_channels import input_channels_of
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.runs.value_range import ranges_of
from ganexp.terminal.progress import progress

PNG = {"format": "PNG"}
TIFF = {"format": "TIFF", "compression": "tiff_deflate"}
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}
FORMATS: dict[str, dict[str, Any]] = {
    ".png": PNG,
    ".bmp": {"format": "BMP"},
    ".tif": TIFF,
    ".tiff": TIFF,
    ".webp": {"format": "WEBP", "lossless": True},
    ".jpg": JPEG,
    ".jpeg": JPEG,
}
KEPT = (*FORMATS, ARRAY)
"""Extensions that outputs have as their inputs do."""
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
    channels = input_channels_of(run.config.data, direction)
    value_range, values_written = ranges_of(run, direction)
    files = ImageFiles(values_written)
    failures: list[tuple[str, Exception]] = []
    kinds: Counter[str] = Counter()
    names = output_names([path.relative_to(top) for path in paths])
    taken = {out / name for name in names}
    with torch.inference_mode(), progress(f"translating {top}", len(paths)) as advance:
        for path, name in zip(paths, names, strict=True):
            try:
                image, conversions_made = read_file(path, channels, value_range)
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                failures.append((str(path), error))
            else:
                if files.value_range is None and not is_array(path):
                    write(translate(network, image, model.multiple, tile), out / name)
                else:
                    values = translate_in_tiles(network, image, model.multiple, tile, torch.clone)
                    write_values(files, values, out / name, is_array(path), taken)
                kinds.update([*conversions_made, *(["written as PNG"] if name.name != path.name else [])])
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


def write_values(files: ImageFiles, values: Tensor, path: Path, as_array: bool, taken: Collection[Path]) -> None:
    """Write a translation (C, H, W) in [-1, 1] in the units of the data, as an array or as what can hold it.

    NAME.png becomes NAME.npy if it has to be an array, or NAME.png.npy if that is another output.
    """
    if as_array:
        files.array(values, path)
        return
    has_own_stem = path.suffix.lower() == ".png" and path.with_suffix(ARRAY) not in taken
    files(values, path.parent, path.stem if has_own_stem else path.name)


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


def output_names(names: Sequence[Path]) -> list[Path]:
    """Return a different name for each output: the input's, with .png appended to others than arrays and FORMATS.

    If NAME.gif.png is the name of another input or output, it is NAME.gif-2.png, and so on.
    """
    taken = {name for name in names if name.suffix.lower() in KEPT}
    outputs = []
    for name in names:
        output, number = name, 1
        if name.suffix.lower() not in KEPT:
            output = name.with_name(f"{name.name}.png")
            while output in taken:
                number += 1
                output = name.with_name(f"{name.name}-{number}.png")
            taken.add(output)
        outputs.append(output)
    return outputs


def write(image: Image.Image, path: Path) -> None:
    """Write an image atomically, in the format of its extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    image.save(unfinished, **FORMATS[path.suffix.lower()])
    unfinished.replace(path)


def report(done: int, kinds: Counter[str], failures: Sequence[tuple[str, Exception]], out: Path) -> None:
    """Print the number of translations, the conversions, and the images that could not be read."""
    print(f"{done:,} translated images are in {out}")
    if kinds:
        print(f"of these {'; '.join(f'{number:,} {kind}' for kind, number in kinds.items())}")
    for name, error in failures:
        print(f"skipped {name}: {reason_of(error)}", file=sys.stderr)
    if failures:
        print(f"{len(failures):,} of {done + len(failures):,} images cannot be read and were skipped", file=sys.stderr)
