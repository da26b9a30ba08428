"""Time the decoding of JPEGs that are left on disk, beside other libraries, torchvision's loader and packed pixels.

    python benchmarks/decoding.py [files=200] [sizes=64,256] [rounds=3] [batches=8] [workers=2] [folder=FOLDER]

Writes JPEGs of 256 to 500 pixels with the spectrum of photographs (1/f), or reads those of a folder. In each round all
of these take turns, and the best of the rounds counts, as a busy machine only slows down:

- loaders with workers: ganexp's with both filters, and with JPEGs decoded on a GPU if there is one, torchvision's
  ImageFolder with a DataLoader, and pixels decoded once and packed into one file, as FFCV keeps them;
- bare loops in as many processes: Pillow's filter, torch's, and simplejpeg and OpenCV where they are installed.

Prints images per second and milliseconds of processor time per image, workers included. The last column compares with
the fastest bare loop of the same filter, by processor time, which other programs do not distort.
"""

import importlib.util
import itertools
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganexp.data.decoding import Decoder
from ganexp.data.device_decoding.cuda import cuda_jpegs
from ganexp.data.device_decoding.decoder import DeviceDecoder, NoDecoder
from ganexp.data.device_decoding.encoded import EncodedOnDisk
from ganexp.data.disk import OnDisk
from ganexp.data.loading import endless_loader, training_loader
from ganexp.data.memory import InMemory, available_cpus
from ganexp.data.order import GlobalBatches
from ganexp.data.sources.folder import image_folder

BATCH_SIZE = 32
TICKS = 100
"""Units of /proc/PID/stat per second."""


def write_jpegs(folder: Path, number: int) -> None:
    """Write colour noise with the spectrum of photographs as JPEGs of quality 90."""
    rng = np.random.default_rng(0)
    for index in range(number):
        width, height = (int(side) for side in rng.integers(256, 501, 2))
        frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
        frequencies[0, 0] = 1
        noise = np.fft.rfft2(rng.normal(size=(3, height, width)) + 2 * rng.normal(size=(1, height, width)))
        planes = np.fft.irfft2(noise / frequencies**1.1, s=(height, width))
        planes = (planes - planes.mean()) / planes.std()
        pixels = np.clip(128 + 55 * planes, 0, 255).astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / f"{index:04}.jpg", quality=90)


@dataclass
class Rate:
    """The best of several rounds: images per second, and seconds of processor time per image."""

    images_per_second: float = 0.0
    cpu_seconds: float = float("inf")

    def add(self, images: int, seconds: float, cpu_seconds: float) -> None:
        """Add a round."""
        self.images_per_second = max(self.images_per_second, images / seconds)
        self.cpu_seconds = min(self.cpu_seconds, cpu_seconds / images)


Contender = Callable[[], tuple[int, float, float]]
"""Runs a round and returns the number of images, the seconds and the seconds of processor time."""


def loop(paths: list[str], decode: Callable[[str], Any], workers: int) -> Contender:
    """Return the bare loop over files, divided among as many processes as a loader has."""
    fork = multiprocessing.get_context("fork")

    def run() -> tuple[int, float, float]:
        ready, used = fork.Barrier(workers + 1), fork.SimpleQueue()

        def part(own: list[str]) -> None:
            ready.wait()
            cpu_started = time.process_time()
            for path in own:
                decode(path)
            used.put(time.process_time() - cpu_started)

        processes = [fork.Process(target=part, args=(paths[first::workers],)) for first in range(workers)]
        for process in processes:
            process.start()
        ready.wait()
        started = time.perf_counter()
        cpu = sum(used.get() for _ in processes)
        seconds = time.perf_counter() - started
        for process in processes:
            process.join()
        return len(paths), seconds, cpu

    return run


def drawing(batches: Iterator[Any], number: int, workers: int) -> Contender:
    """Return the drawing of batches from a loader."""

    def run() -> tuple[int, float, float]:
        # What the workers prepared while the others ran is not counted.
        for _ in range(2 * workers + 1):
            next(batches)
        started, cpu_started = time.perf_counter(), cpu_seconds()
        for _ in range(number):
            next(batches)
        return number * BATCH_SIZE, time.perf_counter() - started, cpu_seconds() - cpu_started

    return run


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children."""
    children = 0.0
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        children += (int(fields[11]) + int(fields[12])) / TICKS
    return time.process_time() + children


def decoder_loop(size: int, resize_filter: str) -> Callable[[str], Tensor]:
    """Return a function that decodes one file with ganexp's decoder alone."""
    decoder = Decoder(size, 3, resize_filter)
    return lambda path: decoder(Image.open(path))


def other_loops(size: int) -> dict[str, Callable[[str], Any]]:
    """Return the decoding functions of other libraries, those that are installed."""
    loops: dict[str, Callable[[str], Any]] = {}
    if importlib.util.find_spec("simplejpeg") is not None:
        import simplejpeg

        decoder = Decoder(size, 3)
        torch_decoder = Decoder(size, 3, "torch_bicubic")

        def read(path: str) -> Image.Image:
            return Image.fromarray(simplejpeg.decode_jpeg(Path(path).read_bytes()))

        loops["simplejpeg, Pillow bicubic"] = lambda path: decoder(read(path))
        loops["simplejpeg, torch bicubic"] = lambda path: torch_decoder(read(path))
    if importlib.util.find_spec("cv2") is not None:
        import cv2

        cv2.setNumThreads(0)

        def opencv(path: str) -> Any:
            image = cv2.imread(path)
            scale = size / min(image.shape[:2])
            # Not antialiased where it shrinks, unlike all others; INTER_AREA is, but is a box.
            return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)

        loops["OpenCV, INTER_AREA (another filter)"] = opencv
    return loops


class Transformed(Dataset[Any]):
    """An ImageFolder with the usual transforms of torchvision."""

    def __init__(self, root: str, size: int) -> None:
        bicubic = torchvision.transforms.InterpolationMode.BICUBIC
        steps = torchvision.transforms
        transform = steps.Compose([steps.Resize(size, bicubic), steps.CenterCrop(size), steps.PILToTensor()])
        self.images = torchvision.datasets.ImageFolder(root, transform)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.images[index]


def packed(folder: Path, dataset: OnDisk, size: int) -> InMemory:
    """Return the decoded images in one file, mapped into memory."""
    shape = (len(dataset), 3, size, size)
    pixels = np.memmap(folder / f"packed{size}", dtype=np.uint8, mode="w+", shape=shape)
    for index in range(len(dataset)):
        pixels[index] = dataset[index]["image"].numpy()
    return InMemory(torch.from_numpy(pixels))


def decoded_on_gpu(dataset: OnDisk, batches: int, workers: int) -> dict[str, Contender]:
    """Return the loader whose JPEGs a GPU decodes, nothing where none does."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        decode = cuda_jpegs(device)
    except NoDecoder as reason:
        print(f"JPEGs are not decoded on a GPU: {reason}")
        return {}
    encoded = EncodedOnDisk(dataset.pictures, dataset.decoder, dataset.labelled)
    finish = DeviceDecoder(encoded, decode, device, print)
    loader = training_loader(encoded, BATCH_SIZE, 0, None, workers, finish=finish)
    return {"loader: ganexp, on the GPU, torch bicubic": drawing(iter(loader), batches, workers)}


def contenders(top: Path, size: int, batches: int, workers: int) -> dict[str, Contender]:
    """Return all that take turns, by name."""
    pictures = image_folder(str(top))
    paths = [pictures.name(index) for index in range(len(pictures))]
    filters = {"Pillow bicubic": "bicubic", "torch bicubic": "torch_bicubic"}
    loops = {f"Pillow, {name}": decoder_loop(size, key) for name, key in filters.items()}
    loops["torchvision, torch bicubic"] = loops.pop("Pillow, torch bicubic")
    result = {f"loop: {name}": loop(paths, decode, workers) for name, decode in (loops | other_loops(size)).items()}
    stores = {name: OnDisk(pictures, Decoder(size, 3, key), labelled=False) for name, key in filters.items()}
    for name, store in stores.items():
        loader = training_loader(store, BATCH_SIZE, 0, None, workers)
        result[f"loader: ganexp, {name}"] = drawing(iter(loader), batches, workers)
    result |= decoded_on_gpu(stores["torch bicubic"], batches, workers)
    usual = DataLoader(
        Transformed(str(top.parent), size),
        batch_size=BATCH_SIZE,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,
    )
    endless = itertools.chain.from_iterable(itertools.repeat(usual))
    result["loader: ImageFolder, Pillow bicubic"] = drawing(endless, batches, workers)
    order = GlobalBatches(len(pictures), BATCH_SIZE, 0, lambda: 0)
    pack = packed(top.parent, stores["Pillow bicubic"], size)
    result["loader: packed pixels"] = drawing(iter(endless_loader(pack, order)), 20 * batches, 0)
    return result


def compare(top: Path, size: int, rounds: int, batches: int, workers: int) -> None:
    """Print the table of one image size."""
    runs = contenders(top, size, batches, workers)
    rates = {name: Rate() for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            rates[name].add(*run())
    print(f"{size}x{size}, {workers} workers, batches of {BATCH_SIZE}, best of {rounds} rounds")
    for name, rate in rates.items():
        same = [rates[other].cpu_seconds for other in rates if other.startswith("loop") and filter_of(other) in name]
        share = f"{min(same) / rate.cpu_seconds:8.0%}" if same else ""
        print(f"  {name:<46} {rate.images_per_second:9,.0f} images/s {1e3 * rate.cpu_seconds:8.3f} ms {share}")


def filter_of(name: str) -> str:
    """Return the filter in a contender's name."""
    return name.rpartition(", ")[2]


def options(arguments: list[str]) -> dict[str, str]:
    """Return ``name=value`` arguments as a dictionary."""
    return dict(argument.split("=", 1) for argument in arguments)


if __name__ == "__main__":
    torch.set_num_threads(1)
    given = options(sys.argv[1:])
    rounds, batches = int(given.get("rounds", "3")), int(given.get("batches", "8"))
    workers = int(given.get("workers", str(available_cpus())))
    with tempfile.TemporaryDirectory() as temporary:
        # ImageFolder wants a folder of classes.
        top = Path(temporary) / "jpegs"
        if "folder" in given:
            top.symlink_to(Path(given["folder"]).resolve())
        else:
            top.mkdir()
            write_jpegs(top, int(given.get("files", "200")))
        for size in given.get("sizes", "64,256").split(","):
            compare(top, int(size), rounds, batches, workers)
