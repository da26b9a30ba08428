"""Time the input pipeline of in-memory data alone: from the indices of a batch to float images on the device.

    python benchmarks/input_pipeline.py [rate=IMAGES_PER_SECOND_OF_TRAINING]

Prints images per second for random pictures of 32x32 and 64x64; with ``rate`` also the ratio to it.
"""

import sys
import time

import torch

from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.data.values import to_signed_unit

IMAGES = 50_000
SECONDS = 3.0


def images_per_second(size: int, batch_size: int) -> float:
    """Return the throughput of batches of pictures (3, size, size)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    count = IMAGES * 32**2 // size**2
    pictures = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    loader = iter(training_loader(InMemory(pictures, torch.zeros(count, dtype=torch.int64)), batch_size, 0, None))
    seen, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        seen += len(to_signed_unit(next(loader)["image"].to(device)))
    if device == "cuda":
        torch.cuda.synchronize()
    return seen / (time.perf_counter() - started)


if __name__ == "__main__":
    training = [float(argument.removeprefix("rate=")) for argument in sys.argv[1:] if argument.startswith("rate=")]
    for size in (32, 64):
        rate = images_per_second(size, 64)
        times = f", {rate / training[0]:.0f} times the training's" if training else ""
        print(f"{size}x{size}: {rate:,.0f} images/s{times}")
