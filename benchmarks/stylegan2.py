"""CPU time of a batch of StyleGAN2 in plain torch, and what its parts add to it.

    python benchmarks/stylegan2.py [sizes=32,64] [width=16] [max_width=128] [batch=16] [rounds=3]

Each row is a game without one part, beside `dcgan` with the same width of the largest map: `whole` is as it is trained.
The time is that of 16 batches, one of which has R1 and four of which have path lengths, divided by 16: the median of
the rounds, in ms, in which the games take turns. `without filter` crops or pads maps where the filter [1, 3, 3, 1]
would smooth them before or after a convolution.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from ganexp.config.build import build
from ganexp.config.composition import compose
from ganexp.layers.resampling.fir import Filter

DEFAULTS = {"sizes": "32,64", "width": "16", "max_width": "128", "batch": "16", "rounds": "3"}
BATCHES = 16
GAMES: dict[str, list[str]] = {
    "whole": [],
    "without path lengths": ["model.path_length=null"],
    "without R1": ["penalty=none"],
    "without style mixing": ["model.mixing=0"],
}


class Trainer:
    """Stands for Lightning's trainer in one process."""

    world_size, global_rank = 1, 0

    def __init__(self, game: Any) -> None:
        self.strategy = self
        self.optimizers = self._lightning_optimizers = game.configure_optimizers()

    def backward(self, loss: Tensor, *_: object) -> None:
        """Compute the gradients."""
        loss.backward()


def game_of(overrides: list[str], size: int, batch: int) -> Callable[[], None]:
    """Return a function that trains a game for the batches of one round."""
    config = compose("train", ["data=cifar10", f"data.image_size={size}", "run_dir=unused", *overrides])
    torch.manual_seed(0)
    game = build(config.model)
    game._trainer = Trainer(game)
    images = torch.rand(batch, 3, size, size) * 2 - 1

    def train() -> None:
        game.batches_seen = 0
        for _ in range(BATCHES):
            game.training_step({"image": images}, 0)

    return train


def cropped(self: Filter, maps: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Return maps of the size of the blurred ones."""
    less = 3 - 2 * padding
    return maps[:, :, :-less, :-less] * gain if less > 0 else torch.nn.functional.pad(maps, (0, -less, 0, -less))


def without_filter(train: Callable[[], None]) -> Callable[[], None]:
    """Return the same training without the filter before and after convolutions."""

    def unfiltered() -> None:
        with patch.object(Filter, "blurred", cropped):
            train()

    return unfiltered


def milliseconds(train: Callable[[], None]) -> float:
    """Return the processor time of a batch."""
    start = time.process_time()
    train()
    return (time.process_time() - start) / BATCHES * 1000


def main(arguments: list[str]) -> None:
    """Print a table for each size."""
    given = {**DEFAULTS, **dict(argument.split("=", 1) for argument in arguments)}
    torch.set_num_threads(1)
    batch, width, max_width = int(given["batch"]), given["width"], given["max_width"]
    for size in map(int, given["sizes"].split(",")):
        styled = ["model=stylegan2", f"model.generator.width={width}", f"model.generator.max_width={max_width}"]
        games = {name: game_of([*styled, *overrides], size, batch) for name, overrides in GAMES.items()}
        games["without filter"] = without_filter(game_of(styled, size, batch))
        of_dcgan = [f"model.{player}.width={width}" for player in ("generator", "discriminator")]
        games["dcgan"] = game_of(["model=dcgan", *of_dcgan], size, batch)
        times: dict[str, list[float]] = {name: [] for name in games}
        for _ in range(int(given["rounds"])):
            for name, train in games.items():
                times[name].append(milliseconds(train))
        print(f"{size}x{size}, {width} to {max_width} channels, batches of {batch}")
        for name, measured in times.items():
            print(f"  {name:<22} {median(measured):8.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
