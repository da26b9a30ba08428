"""Command ``ganexp compare DIR…``: a table and a page of runs side by side."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse
from ganexp.errors import UserError
from ganexp.files.atomic import require_folder

HELP_TEXT = """python -m ganexp compare DIR [DIR …] [key=value …]

Compare runs, given as folders of runs, folders of sweeps, or patterns such as outputs/dcgan-*/*. Runs that differ only
in their seed form one experiment. Experiments are ranked by a score at equal budget, if it was measured by the same
protocol.

  score       score to rank by (default: the one that the runs monitor for their best checkpoint)
  budget      unit of the budget: images, updates of the generator, or seconds of training (default images)
  at          budget at which to compare (default: the largest that all finished runs have reached)
  out         folder for report.html, compare.csv, compare.md and compare.tex (default comparison)
"""


@dataclass
class Arguments:
    """Arguments other than the folders."""

    score: str = field(default="", metadata={"help": "the name of a score to rank by"})
    budget: str = field(default="images", metadata={"help": "images, updates or seconds"})
    at: float = field(default=0.0, metadata={"help": "the budget at which to compare"})
    out: str = field(default="comparison", metadata={"help": "the folder to write to"})


KEYS = tuple(f"{name}=" for name in Arguments.__dataclass_fields__)


def main(arguments: list[str]) -> None:
    """Compare the given runs."""
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        return
    # The folders of a sweep's runs are named by their overrides, such as lr=0.1.
    folders = [argument for argument in arguments if not argument.startswith(KEYS)]
    options = parse(Arguments, [argument for argument in arguments if argument.startswith(KEYS)])
    if not any(folders):
        raise UserError("compare needs the folders of runs: python -m ganexp compare outputs/*/*, or a sweep's folder")

    require_folder(Path(options.out))

    from ganexp.evaluation import compare

    compare.compare_runs(folders, options.score or None, options.budget, options.at or None, Path(options.out))
