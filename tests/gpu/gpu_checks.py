"""Checks of the GPU test suite that no command makes without a browser: the demo's pictures, and the board's page."""

import sys
from pathlib import Path

from ganexp import composition, run_folder
from ganexp.rules import translates


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


def board(runs: Path) -> None:
    """Open the board's page of runs, and close it."""
    from ganexp.board import PROJECT, opened
    from ganexp.commands.board import runs_below, start

    trackio = opened(None)
    assert runs_below(trackio, PROJECT, runs)
    server, address = start(trackio, None)
    assert address.startswith("http://127.0.0.1")
    server.close()


if __name__ == "__main__":
    {"demo": demo, "board": board}[sys.argv[1]](*map(Path, sys.argv[2:]))
