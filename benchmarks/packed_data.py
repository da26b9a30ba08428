"""Time a packed set: packing it, reading it alone, and its share of DCGAN's training.

    python benchmarks/packed_data.py [images=200_000] [size=64] [batches=8] [batch_size=128] [folder=/tmp/packed_data]

Packs drawn pictures (a folder that has them is kept), then reads batches in the order of training: from the page cache
with 0, 1 and 2 workers, and from the disk, its pages dropped before, in the order of training and in that of the files.
Beside it, the same pictures are decoded from PNG files in tar shards. Last, `model=dcgan` is trained on the packed set
without workers, so that nothing is hidden behind a step: printed is the share of a step that waits for its batch.
"""

import io
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import dataloader

from ganexp.cli import main as cli
from ganexp.data.decoding import Decoder
from ganexp.data.loading import training_loader
from ganexp.data.packed.packing import pack
from ganexp.data.sources import packed, webdataset
from ganexp.data.storage import stored

SECONDS = 5.0
PNG_IMAGES = 5_000


class Drawn:
    """Pictures of overlapping rectangles of random colours on a gradient, functions of their numbers."""

    classes: tuple[str, ...] = ()

    def __init__(self, images: int, size: int) -> None:
        self.images = images
        self.size = size
        self.gradient = np.linspace(0, 80, size, dtype=np.uint8)[:, None, None]

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        random = np.random.default_rng(index)
        pixels = np.empty((self.size, self.size, 3), dtype=np.uint8)
        pixels[:] = self.gradient + random.integers(0, 170, 3, dtype=np.uint8)
        for left, top, *colour in random.integers(0, self.size, (5, 5)).tolist():
            pixels[top : top + self.size // 3, left : left + self.size // 3] = colour
        return Image.fromarray(pixels), 0


def rate(batches: Iterable[dict[str, Any]]) -> str:
    """Return images per second of endless batches after the first, and this process's CPU time an image, as text."""
    iterator = iter(batches)
    next(iterator)
    seen, started, processor = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < SECONDS:
        seen += len(next(iterator)["image"])
    processor = time.process_time() - processor
    speed = seen / (time.perf_counter() - started)
    return f"{speed:,.0f} images/s, {processor / seen * 1e6:.1f} µs of CPU time an image"


def in_training_order(pictures: Any, size: int, batch_size: int, workers: int) -> Iterable[dict[str, Any]]:
    """Return the batches of training."""
    store, _ = stored(pictures, Decoder(size, 3), False, False, workers, 1)
    return training_loader(store, batch_size, 0, None, workers)


def in_file_order(pictures: Any, size: int, batch_size: int) -> Iterator[dict[str, Any]]:
    """Yield batches of neighbours in the files."""
    store, _ = stored(pictures, Decoder(size, 3), False, False, 0, 1)
    while True:
        for first in range(0, len(pictures) - batch_size, batch_size):
            yield store.__getitems__(range(first, first + batch_size))


def drop_pages(folder: Path) -> None:
    """Let the system forget the content of files, so that the disk is read."""
    for path in folder.glob("*.tar"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write_png_shard(folder: Path, pictures: Drawn, images: int) -> None:
    """Write pictures as PNG files into a tar shard."""
    folder.mkdir()
    with tarfile.open(folder / "shard-000000.tar", "w") as tar:
        for index in range(images):
            buffer = io.BytesIO()
            pictures[index][0].save(buffer, "PNG")
            info = tarfile.TarInfo(f"{index:09d}.png")
            info.size = buffer.tell()
            tar.addfile(info, io.BytesIO(buffer.getvalue()))


def waiting(folder: Path, batches: int, batch_size: int, overrides: list[str]) -> list[tuple[float, float]]:
    """Train DCGAN on a packed set; return how many seconds each step waited for its batch, and how many it took."""
    ends: list[tuple[float, float]] = []
    read = dataloader._BaseDataLoaderIter.__next__

    def timed(self: Any) -> Any:
        started = time.perf_counter()
        batch = read(self)
        if isinstance(batch, dict) and "image" in batch:
            ends.append((started, time.perf_counter()))
        return batch

    dataloader._BaseDataLoaderIter.__next__ = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as out:
        settings = ["model=dcgan", "data=stream", f"data.path={folder}", "data.in_memory=false", "data.workers=0"]
        quiet = ["metric=none", "callbacks.samples=null", "callbacks.doctor=null", f"run_dir={out}/run"]
        budget = [f"images={batches * batch_size}", f"data.batch_size={batch_size}"]
        assert cli.main([*settings, *quiet, *budget, *overrides]) == 0
    dataloader._BaseDataLoaderIter.__next__ = read  # type: ignore[method-assign]
    return [(end - start, after - start) for (start, end), (after, _) in pairwise(ends)]


def main(images: int, size: int, batches: int, batch_size: int, folder: Path, overrides: list[str]) -> None:
    """Print all timings."""
    drawn = Drawn(images, size)
    started = time.perf_counter()
    result = pack(drawn, Decoder(size, 3), "drawn", folder)
    seconds = time.perf_counter() - started
    kept = f"{result.kept} of {result.header.shards} shards kept"
    print(f"packing {images:,} images of {size}x{size}: {seconds:.0f} s ({kept})")
    pictures = packed(str(folder))
    for workers in (0, 1, 2):
        speed = rate(in_training_order(pictures, size, batch_size, workers))
        print(f"packed, page cache, {workers} workers: {speed}")
    drop_pages(folder)
    print(f"packed, disk, training order: {rate(in_training_order(pictures, size, batch_size, 0))}")
    drop_pages(folder)
    print(f"packed, disk, file order: {rate(in_file_order(pictures, size, batch_size))}")
    png = folder / "png"
    shutil.rmtree(png, ignore_errors=True)
    write_png_shard(png, drawn, min(images, PNG_IMAGES))
    speed = rate(in_training_order(webdataset(str(png)), size, batch_size, 0))
    print(f"PNG in tar shards, 0 workers: {speed}")
    steps = list(islice(waiting(folder, batches, batch_size, overrides), 1, None))
    data, total = sum(wait for wait, _ in steps), sum(step for _, step in steps)
    seconds = total / len(steps)
    print(f"dcgan, {len(steps)} steps of {batch_size}: {seconds:.3f} s a step, of which {data / total:.2%} for data")


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    own = {name: int(given.pop(name, default)) for name, default in
           {"images": "200_000", "size": "64", "batches": "8", "batch_size": "128"}.items()}  # fmt: skip
    place = Path(given.pop("folder", "/tmp/packed_data"))
    main(**own, folder=place, overrides=[f"{key}={value}" for key, value in given.items()])
