"""``ganexp compare DIR…``: a table and a page of runs side by side."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse
from ganexp.errors import UserError

HELP_TEXT = """python -m ganexp compare DIR [DIR …] [key=value …]

Compare runs: folders of runs, of sweeps, or patterns such as outputs/dcgan-*/*. Runs that differ only in their seed are
one experiment. Experiments are ranked by a score, read at the same budget, if its protocol is the same.

  score       which score (default: the one by which the runs keep their best weights)
  budget      at equal numbers of images, of the generator's updates, or seconds of training (default images)
  at          how many of them (default: the largest number that all finished runs have spent)
  out         the folder for report.html, compare.csv, compare.md and compare.tex (default comparison)
"""


@dataclass
class Arguments:
    """What may be given beside the folders."""

    score: str = field(default="")
    budget: str = field(default="images")
    at: float = field(default=0.0)
    out: str = field(default="comparison")


KEYS = tuple(f"{name}=" for name in Arguments.__dataclass_fields__)


def main(arguments: list[str]) -> None:
    """Compare the runs that the arguments name."""
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        return
    # Folders of a sweep's runs are named by their settings: lr=0.1.
    places = [argument for argument in arguments if not argument.startswith(KEYS)]
    chosen = parse(Arguments, [argument for argument in arguments if argument.startswith(KEYS)])
    if not places:
        raise UserError("compare needs the folders of runs: python -m ganexp compare outputs/*/*, or a sweep's folder")

    from ganexp.evaluation import compare

    compare.compare_runs(places, chosen.score or None, chosen.budget, chosen.at or None, Path(chosen.out))
