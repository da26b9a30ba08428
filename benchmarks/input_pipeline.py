"""Time the input pipeline of in-memory data alone: from the indices of a batch to float images on the device.

    python benchmarks/input_pipeline.py [rate=IMAGES_PER_SECOND_OF_TRAINING]

Prints images per second for random pictures of 32x32 and 64x64, copied from the host batch by batch and, on a GPU, also
kept there; with ``rate`` also the ratio to it.
"""

import sys
import time

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.device import OnDevice
from ganexp.data.loading import device_loader, global_batches, training_loader
from ganexp.data.memory import InMemory
from ganexp.data.order import DeviceBatches
from ganexp.data.values import to_signed_unit

IMAGES = 50_000
SECONDS = 3.0


def images_per_second(size: int, batch_size: int, device: torch.device, kept_there: bool) -> float:
    """Return the throughput of batches of pictures (3, size, size), kept on the device or copied to it one by one."""
    count = IMAGES * 32**2 // size**2
    pictures = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    dataset = InMemory(pictures, torch.zeros(count, dtype=torch.int64))
    loader = iter(
        on_device(dataset, batch_size, device) if kept_there else training_loader(dataset, batch_size, 0, None)
    )
    next(loader)
    seen, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        seen += len(to_signed_unit(next(loader)["image"].to(device, non_blocking=True)))
    if device.type == "cuda":
        torch.cuda.synchronize()
    return seen / (time.perf_counter() - started)


def on_device(dataset: InMemory, batch_size: int, device: torch.device) -> DataLoader[dict[str, Tensor]]:
    """Return the loader of a data set that is kept on a device."""
    order = global_batches(len(dataset), batch_size, 0, None)
    return device_loader(OnDevice(dataset, device), DeviceBatches(device, order))


if __name__ == "__main__":
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    places = {"from the host": False, **({"kept on the GPU": True} if device.type == "cuda" else {})}
    training = [float(argument.removeprefix("rate=")) for argument in sys.argv[1:] if argument.startswith("rate=")]
    for size in (32, 64):
        for place, kept_there in places.items():
            rate = images_per_second(size, 64, device, kept_there)
            times = f", {rate / training[0]:.0f} times the training's" if training else ""
            print(f"{size}x{size} {place}: {rate:,.0f} images/s{times}")
