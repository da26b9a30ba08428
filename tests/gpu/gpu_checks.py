"""Checks of the GPU test suite: commands on a run, and without a browser the demo's pictures and the board's page."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ganexp.config import composition
from ganexp.config.conditions import translates
from ganexp.runs.run import saved_run

FAILED = "FAILED"


def demo(run: Path, pictures: Path, out: Path) -> None:
    """Draw the pictures of a run's demo page, without serving it."""
    from ganexp.demo.draw import Samples, Translations
    from ganexp.runs.model import load_model

    composition.register_resolvers()
    saved = saved_run(run)
    model = load_model(saved)
    if getattr(model, "landmarks", 0):
        return  # the page takes pictures alone
    if translates(saved.config):
        translations = Translations.of(model, saved.config)
        picture = next(pictures.rglob("*.png"))
        drawn = [part for direction in translations.own for part in translations.draw(picture, direction)]
    else:
        samples = Samples.of(model, saved.config)
        thresholds = [None, 0.7] if samples.can_be_truncated else [None]
        steps = [0.5] * len(samples.directions)
        drawn = [part for threshold in thresholds for part in samples.draw(3, 1, 0.3, None, threshold, steps)]
    out.mkdir(parents=True)
    for number, image in enumerate(drawn):
        image.save(out / f"{number}.png")


def use(run: str, pictures: str, out: str, commands: str) -> None:
    """Run commands on a run, given as JSON {name: arguments}, draw the demo, and print one line with the outcomes.

    After a failure the other commands are still run; the exit status is then 1.
    """
    from ganexp.cli import main

    uses: dict[str, Callable[[], object]] = {
        name: partial(main.main, [name, *arguments]) for name, arguments in json.loads(commands).items()
    }
    uses["demo"] = lambda: demo(Path(run), Path(pictures), Path(out))
    outcomes = {name: outcome(use) for name, use in uses.items()}
    print(", ".join(f"{name} {result}" for name, result in outcomes.items()), flush=True)
    if FAILED in outcomes.values():
        sys.exit(1)


def outcome(use: Callable[[], object]) -> str:
    """Return the seconds that a command took, or that it failed; 0 and None are success."""
    started = time.monotonic()
    try:
        failed = bool(use())
    except Exception:
        traceback.print_exc()
        failed = True
    return FAILED if failed else f"{time.monotonic() - started:.0f} s"


def board(runs: str) -> None:
    """Open the board's page of runs, and close it."""
    from ganexp.cli.board import runs_below, start
    from ganexp.records.trackio_store import PROJECT, import_trackio

    trackio = import_trackio(None)
    assert runs_below(trackio, PROJECT, Path(runs))
    server, address = start(trackio, None)
    assert address.startswith("http://127.0.0.1")
    server.close()


if __name__ == "__main__":
    {"run": use, "board": board}[sys.argv[1]](*sys.argv[2:])
