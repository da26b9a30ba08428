"""Measure the cost of saving, and the time to the first batch of a resumed run against a fresh one.

    python benchmarks/resume.py [repetitions=5] [any override, such as model=dcgan data=cifar10]

Saves are timed within a short run, which saves ten times like a longer one. Fresh and resumed runs alternate, each in a
forked process that exits after its first batch and has everything imported already; the time of the imports is printed
separately, as it is the same for both. CPU time is measured, so that other programs do not count.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from ganexp.callbacks.checkpoints import LastCheckpoint
from ganexp.callbacks.interruption import GracefulStop
from ganexp.cli import main as cli

IMPORTING = time.process_time()
BUDGET = 1_024


def run_with_saves(folder: Path, overrides: list[str]) -> tuple[float, list[float]]:
    """Return the seconds that a run takes, and that each of its saves takes."""
    saves: list[float] = []
    save = LastCheckpoint.save

    def timed(self: LastCheckpoint, trainer: Any, module: Any) -> None:
        began = time.perf_counter()
        save(self, trainer, module)
        saves.append(time.perf_counter() - began)

    LastCheckpoint.save = timed  # type: ignore[method-assign]
    began = time.perf_counter()
    assert cli.main([*overrides, f"run_dir={folder}"]) == 0
    return time.perf_counter() - began, saves


def to_first_batch(arguments: list[str]) -> float:
    """Return the CPU time in seconds that a run takes until its first batch is done."""
    child = os.fork()
    if child == 0:
        GracefulStop.on_train_batch_end = lambda *_: os._exit(0)  # type: ignore[method-assign]
        os._exit(cli.main(arguments) or 1)
    _, status, used = os.wait4(child, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime


def main(repetitions: int, overrides: list[str]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        seconds, saves = run_with_saves(run, [f"images={BUDGET}", *overrides])
        size = (run / "checkpoints" / "last.ckpt").stat().st_size / 1e6
        taken: dict[str, list[float]] = {"fresh": [], "resumed": []}
        for number in range(repetitions):
            fresh = [f"images={BUDGET}", *overrides, f"run_dir={Path(folder) / str(number)}"]
            taken["fresh"].append(to_first_batch(fresh))
            taken["resumed"].append(to_first_batch([f"resume={run}", f"images={2 * BUDGET}"]))
    print(
        f"{len(saves)} saves of {size:.1f} MB in {BUDGET:,} images, {seconds:.1f} s: "
        f"{1000 * median(saves):.0f} ms each, as long as {median(saves) / seconds * BUDGET:.0f} images take"
    )
    fresh_s, resumed_s = median(taken["fresh"]), median(taken["resumed"])
    whole = (IMPORTING + resumed_s) / (IMPORTING + fresh_s)
    print(
        f"to the first batch after {IMPORTING:.1f} s of imports: fresh {fresh_s:.2f} s, resumed {resumed_s:.2f} s, "
        f"{resumed_s / fresh_s:.2f} times as long; {whole:.2f} times with the imports"
    )


if __name__ == "__main__":
    settings = dict(argument.split("=", 1) for argument in sys.argv[1:])
    main(int(settings.pop("repetitions", 5)), [f"{key}={value}" for key, value in settings.items()])
