"""Measure how long training waits for a checkpoint, written beside training and in between.

    python benchmarks/checkpoint_stall.py [width=6000] [saves=5] [between=8] [repetitions=1] [any override]

The default width makes a state of 1 GB. Runs with and without `callbacks.checkpoints.asynchronous` alternate. A save
waits for the previous one to be written, so there are `between` batches from one save to the next, enough for a write.
The first save also gets the memory of the copy from the system, and the last one waits until all is written: they are
printed apart. The first step after a save waits until the rest of the state is copied, which counts as part of what
holds training up. Seconds are those on the clock and, in brackets, of the calling thread's CPU time, which other
programs hardly lengthen.
"""

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any

from ganexp.callbacks import checkpoints
from ganexp.callbacks.checkpoints import AtomicCheckpointIO, LastCheckpoint
from ganexp.callbacks.snapshot import Snapshot
from ganexp.cli import main as cli

BATCH = 16
Seconds = tuple[float, float]
taken: dict[str, list[Seconds]] = defaultdict(list)


def timed(owner: Any, name: str, label: str) -> None:
    """Record the clock time and the thread's CPU time of every call of a function."""
    function: Callable[..., Any] = getattr(owner, name)

    @wraps(function)
    def measured(*arguments: Any, **options: Any) -> Any:
        clock, processor = time.perf_counter(), time.thread_time()
        try:
            return function(*arguments, **options)
        finally:
            taken[label].append((time.perf_counter() - clock, time.thread_time() - processor))

    setattr(owner, name, measured)


def run(folder: Path, asynchronous: bool, width: int, saves: int, between: int, overrides: list[str]) -> float:
    """Train, and return the size of a checkpoint in bytes."""
    taken.clear()
    widths = [f"model.{player}.widths=[{width},{width}]" for player in ("generator", "discriminator")]
    every = between * BATCH
    settings = [
        *("model=gan", "normalization=none", *widths, f"data.batch_size={BATCH}", f"images={saves * every}"),
        *("trainer=cpu", "metric=none", "callbacks.samples=null", "callbacks.doctor=null"),
        *(f"callbacks.checkpoints.every={every}", f"callbacks.checkpoints.asynchronous={asynchronous}"),
    ]
    assert cli.main([*settings, *overrides, f"run_dir={folder}"]) == 0
    return (folder / "checkpoints" / "last.ckpt").stat().st_size


def stalls(saves: int) -> list[Seconds]:
    """Return how long every save but the first and the last ones held training up, with the wait of the next step."""
    steps = len(taken["wait"]) // saves
    waits = taken["wait"][steps::steps]
    pairs = list(zip(taken["save"], waits, strict=False))
    return [(save[0] + wait[0], save[1] + wait[1]) for save, wait in pairs[1:]]


def described(seconds: list[Seconds]) -> str:
    """Return the medians as text."""
    return f"{median(s[0] for s in seconds):.3f} ({median(s[1] for s in seconds):.3f}) s"


def main(width: int, saves: int, between: int, repetitions: int, overrides: list[str]) -> None:
    """Measure and print."""
    timed(LastCheckpoint, "save", "save")
    timed(LastCheckpoint, "on_before_optimizer_step", "wait")
    timed(LastCheckpoint, "on_train_end", "end")
    timed(Snapshot, "take", "copy")
    timed(Snapshot, "complete", "copy beside")
    timed(AtomicCheckpointIO, "save_checkpoint", "write")
    timed(checkpoints, "require_finite_weights", "check")
    held_up: dict[bool, list[Seconds]] = {True: [], False: []}
    for _ in range(repetitions):
        for asynchronous in (False, True):
            with tempfile.TemporaryDirectory(dir=".") as folder:
                size = run(Path(folder) / "run", asynchronous, width, saves, between, overrides)
            # The last save is the one of on_train_end.
            middle = slice(1, -1)
            held_up[asynchronous] += stalls(saves)
            print(f"{'beside' if asynchronous else 'waiting'}: checkpoints of {size / 1e9:.2f} GB")
            for label in ("save", "check", "copy", "copy beside", "write"):
                if taken[label]:
                    first = f"first {described(taken[label][:1])}, others {described(taken[label][middle])}"
                    print(f"  {label}: {first}")
            print(f"  end: {described(taken['end'])}", flush=True)
    print(f"training waits {described(held_up[True])} instead of {described(held_up[False])} for a save")
    for number, clock in enumerate(("clock", "processor")):
        beside, waiting = (median(seconds[number] for seconds in held_up[key]) for key in (True, False))
        print(f"  {100 * beside / waiting:.1f} % by the {clock}")


if __name__ == "__main__":
    settings = dict(argument.split("=", 1) for argument in sys.argv[1:])
    numbers = [int(settings.pop(*pair)) for pair in [("width", 6000), ("saves", 5), ("between", 8), ("repetitions", 1)]]
    main(*numbers, [f"{key}={value}" for key, value in settings.items()])
