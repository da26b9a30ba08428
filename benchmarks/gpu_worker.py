"""Worker process of gpu.py: trains one game in one way, and runs as many batches as its parent asks for.

Started with a Task as JSON. It prints one JSON object per line: {"ready": true} when everything is imported and built,
{"first_batch": seconds} after the first batch, {"seconds": s} after each block. It reads one command per line:
"start", "run N", and "stop", which it answers by its peak memory, {"peak_mib": …, "reserved_mib": …}. Everything else
that is printed, such as the progress bar, goes to stderr.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, TextIO

import lightning as L
import torch

from bare_loops import (
    BareGame,
    EagerLoop,
    GraphedLoop,
    draw_from_the_default_generator,
    image_shape,
    random_batches,
)
from ganexp.cli import main as cli
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.numerics.flags import Numerics, apply_numerics, prepare_cublas
from ganexp.variants.gan import GAN
from gpu_workers import Task
from train_step import IMAGES, wait

MEBIBYTE = 2**20
NO_GRAPHS = "this version has no setting graphs.enabled"
NO_BARE_LOOP = "there is no bare loop of this model"


class Parent:
    """The parent process, at the other end of stdin and of a copy of stdout."""

    def __init__(self, commands: TextIO, answers: TextIO) -> None:
        self.commands = commands
        self.answers = answers

    def tell(self, **message: Any) -> None:
        """Send a message."""
        print(json.dumps(message), file=self.answers, flush=True)

    def wait_for_start(self) -> None:
        """Tell the parent that everything is ready, and wait for its command."""
        self.tell(ready=True)
        self.commands.readline()

    def batches(self) -> int:
        """Return the number of batches of the next block, 0 to stop; report the peak memory then."""
        command = self.commands.readline().split()
        if len(command) == 2 and command[0] == "run":
            return int(command[1])
        self.tell(**peak_memory())
        return 0


class Paced(L.Callback):
    """Lets ganexp's training run block by block, as the parent asks."""

    parent: Parent

    def __init__(self) -> None:
        self.left = 1
        self.is_first = True

    def setup(self, trainer: L.Trainer, module: Any, stage: str) -> None:
        self.parent.wait_for_start()
        self.started = time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        self.left -= 1
        if self.left:
            return
        wait()
        seconds = time.perf_counter() - self.started
        self.parent.tell(**{"first_batch" if self.is_first else "seconds": seconds})
        self.is_first = False
        self.left = self.parent.batches()
        if not self.left:
            trainer.should_stop = True
        self.started = time.perf_counter()


def peak_memory() -> dict[str, float | None]:
    """Return the peaks of the memory of tensors and of the memory reserved by torch, in MiB; None without a GPU."""
    if not torch.cuda.is_available():
        return {"peak_mib": None, "reserved_mib": None}
    return {
        "peak_mib": torch.cuda.max_memory_allocated() / MEBIBYTE,
        "reserved_mib": torch.cuda.max_memory_reserved() / MEBIBYTE,
    }


def graph_overrides(config: Any, wanted: dict[str, str]) -> list[str] | None:
    """Return the overrides of the group graphs, none where the configuration lacks it, None if it has to have it."""
    if config.get("graphs") is not None:
        return [f"graphs.{key}={value}" for key, value in wanted.items()]
    return None if wanted.get("enabled") == "true" else []


def train_ganexp(task: Task, parent: Parent) -> int:
    """Train as users do, by the command line and Lightning's Trainer, and return the exit status."""
    graphs = graph_overrides(composition.compose("train", [*task.overrides, "run_dir=unused"]), task.graphs)
    if graphs is None:
        parent.tell(error=NO_GRAPHS)
        return 1
    Paced.parent = parent
    paced = f"+callbacks.paced={{_target_: gpu_worker.{Paced.__name__}}}"
    with tempfile.TemporaryDirectory() as folder:
        return cli.main([*task.overrides, *graphs, f"run_dir={folder}/run", paced])


def train_bare(task: Task, parent: Parent) -> int:
    """Train by a bare loop on the networks of ganexp's configuration, and return the exit status."""
    config = composition.compose("train", [*task.overrides, "run_dir=unused"])
    torch.manual_seed(config.seed)
    game = build(config.model)
    if not isinstance(game, GAN):
        parent.tell(error=NO_BARE_LOOP)
        return 1
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # The arithmetic of ganexp's default, so that both do the same.
    apply_numerics(Numerics(), device.type)
    parent.wait_for_start()
    started = time.perf_counter()
    step = bare_step(game.to(device), task.loop, config.data.batch_size)
    step()
    wait()
    parent.tell(first_batch=time.perf_counter() - started)
    while batches := parent.batches():
        started = time.perf_counter()
        for _ in range(batches):
            step()
        wait()
        parent.tell(seconds=time.perf_counter() - started)
    return 0


def bare_step(game: GAN, loop: str, batch_size: int) -> Callable[[], None]:
    """Return a function that trains one batch by a bare loop, with the game's networks, which it copies."""
    device = game.device
    batches = random_batches(image_shape(game), batch_size, IMAGES, device)
    bare = BareGame(game, draw_from_the_default_generator(device))
    return (GraphedLoop if loop == "bare graphs" else EagerLoop)(bare, batches).step


def main(arguments: list[str]) -> int:
    """Do the task and return the exit status."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task = Task(**json.loads(arguments[0]))
    parent = Parent(sys.stdin, answers)
    composition.register_resolvers()
    prepare_cublas()
    if torch.cuda.is_available():
        torch.zeros(1, device="cuda")  # the CUDA context, which every process has to create
    return train_ganexp(task, parent) if task.loop == "ganexp" else train_bare(task, parent)


if __name__ == "__main__":
    # Under its own name, by which the configuration finds the callback.
    import gpu_worker

    sys.exit(gpu_worker.main(sys.argv[1:]))
