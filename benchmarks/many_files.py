"""Time the listing and the first batch of a folder with very many images, and the memory that they take.

    python benchmarks/many_files.py [files=1_000_000] [layouts=flat,classes,bare] [folder=FOLDER]

Writes one image of 8x8 pixels as often as asked into a temporary folder (4 kB of disk and one inode each), or reuses a
folder that it left before. Of each layout, all images in one folder, in 1,000 class folders, or in one folder without
suffixes, a fresh process reports seconds and its peak of memory, step by step.
"""

import io
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

LAYOUTS = ("flat", "classes", "bare")
CLASSES = 1_000
IMAGE_SIZE = 64
BATCH_SIZE = 64


def write_files(folder: Path, number: int, layout: str) -> None:
    """Write a number of images below a folder that does not exist yet."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    content = buffer.getvalue()
    suffix = "" if layout == "bare" else ".png"
    folder.mkdir(parents=True)
    for name in {_class_name(index, layout) for index in range(number)}:
        (folder / name).mkdir(exist_ok=True)
    for index in range(number):
        path = f"{folder}/{_class_name(index, layout)}/{index:08}{suffix}"
        # os.open costs half of what Path.write_bytes does, a million times.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(file, content)
        os.close(file)


def _class_name(index: int, layout: str) -> str:
    return f"{index % CLASSES:04}" if layout == "classes" else "."


def peak_megabytes() -> float:
    """Return the peak of resident memory of this process in MB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1e3


def report(step: str, seconds: float, cpu_seconds: float) -> None:
    """Print one row of the table."""
    print(f"  {step:<40} {seconds:6.1f} s, CPU {cpu_seconds:6.1f} s, peak {peak_megabytes():6,.0f} MB", flush=True)


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Report the seconds that a step takes."""
    started, cpu_started = time.perf_counter(), time.process_time()
    yield
    report(step, time.perf_counter() - started, time.process_time() - cpu_started)


def measure(folder: str) -> None:
    """Report the steps from the folder's name to the first batch, and the checksum that scores ask for."""
    with timed("import"):
        from ganexp.data.files.folders import class_folders
        from ganexp.data.images import ImageData
        from ganexp.data.sources.folder import image_folder
    begun, cpu_begun = time.perf_counter(), time.process_time()
    with timed("class folders (the settings)"):
        classes = class_folders(folder)
    data = ImageData(
        source=lambda: image_folder(folder),
        name="many",
        image_size=IMAGE_SIZE,
        channels=3,
        num_classes=classes,
        batch_size=BATCH_SIZE,
        seed=0,
        in_memory=False,
    )
    with timed("listing (the source)"):
        data.prepare_data()
    with timed("setup"):
        data.setup()
    with timed("first batch"):
        batches = iter(data.train_dataloader())
        assert len(next(batches)["image"]) == BATCH_SIZE
    report("from the settings to the first batch", time.perf_counter() - begun, time.process_time() - cpu_begun)
    with timed("100 further batches"):
        for _ in itertools.islice(batches, 100):
            pass
    with timed("checksum of the reference"):
        data.dataset.checksum()


def options(arguments: list[str]) -> dict[str, str]:
    """Return ``name=value`` arguments as a dictionary."""
    return dict(argument.split("=", 1) for argument in arguments)


def each_layout(folder: Path, number: int, layouts: list[str], run: Callable[[Path], None]) -> None:
    """Write the files of each layout where they are missing, and call ``run`` with their folder."""
    for layout in layouts:
        where = folder / f"{layout}-{number}"
        if not where.exists():
            started = time.perf_counter()
            write_files(where, number, layout)
            print(f"{number:,} files written in {time.perf_counter() - started:.0f} s")
        print(f"{number:,} files, {layout}")
        run(where)


def run_alone(folder: Path) -> None:
    """Measure one folder in a fresh process."""
    subprocess.run([sys.executable, __file__, f"measure={folder}"], check=True)


if __name__ == "__main__":
    given = options(sys.argv[1:])
    if "measure" in given:
        measure(given["measure"])
    else:
        number = int(given.get("files", "1_000_000"))
        layouts = given.get("layouts", ",".join(LAYOUTS)).split(",")
        if "folder" in given:
            each_layout(Path(given["folder"]), number, layouts, run_alone)
        else:
            with tempfile.TemporaryDirectory() as temporary:
                each_layout(Path(temporary), number, layouts, run_alone)
