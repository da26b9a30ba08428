"""Checks of the GPU test suite: commands on a run, and without a browser the demo's pictures and the board's page."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ganexp import composition, run_folder
from ganexp.rules import translates

FAILED = "FAILED"


def demo(run: Path, pictures: Path, out: Path) -> None:
    """Draw what the demo's page of a run would show, without serving it."""
    from ganexp.commands.playing import Samples, Translations
    from ganexp.commands.sampling import load_model

    composition.register_resolvers()
    config = run_folder.read_config(run)
    model = load_model(config, run_folder.last_checkpoint(run))
    if translates(config):
        translations = Translations.of(model, config)
        picture = next(pictures.rglob("*.png"))
        drawn = [part for direction in translations.own for part in translations.draw(picture, direction)]
    else:
        samples = Samples.of(model, config)
        thresholds = [None, 0.7] if samples.can_be_truncated else [None]
        still = [0.5] * len(samples.directions)
        drawn = [part for threshold in thresholds for part in samples.draw(3, 1, 0.3, None, threshold, still)]
    out.mkdir(parents=True)
    for number, image in enumerate(drawn):
        image.save(out / f"{number}.png")


def use(run: str, pictures: str, out: str, commands: str) -> None:
    """Use commands on a run, given as JSON {name: arguments}, draw the demo, and tell in one line how it went.

    One that fails does not keep the others from being used; the exit status is then 1.
    """
    from ganexp import cli

    uses: dict[str, Callable[[], object]] = {
        name: partial(cli.main, [name, *arguments]) for name, arguments in json.loads(commands).items()
    }
    uses["demo"] = lambda: demo(Path(run), Path(pictures), Path(out))
    told = {name: outcome(use) for name, use in uses.items()}
    print(", ".join(f"{name} {how}" for name, how in told.items()), flush=True)
    if FAILED in told.values():
        sys.exit(1)


def outcome(use: Callable[[], object]) -> str:
    """Return the seconds that a use took, or that it failed; 0 and None are success."""
    started = time.monotonic()
    try:
        failed = bool(use())
    except Exception:
        traceback.print_exc()
        failed = True
    return FAILED if failed else f"{time.monotonic() - started:.0f} s"


def board(runs: str) -> None:
    """Open the board's page of runs, and close it."""
    from ganexp.board import PROJECT, opened
    from ganexp.commands.board import runs_below, start

    trackio = opened(None)
    assert runs_below(trackio, PROJECT, Path(runs))
    server, address = start(trackio, None)
    assert address.startswith("http://127.0.0.1")
    server.close()


if __name__ == "__main__":
    {"run": use, "board": board}[sys.argv[1]](*sys.argv[2:])
