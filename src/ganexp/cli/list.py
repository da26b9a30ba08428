"""``ganexp list [group]``: what there is to choose."""

from pathlib import Path

from ganexp.cli.arguments import HELP
from ganexp.config import matrix
from ganexp.config.composition import conf_dir, groups, sweeps_dir, unknown
from ganexp.errors import UserError

MATRIX = "matrix"
SWEEPS = "sweeps"


def main(arguments: list[str]) -> None:
    """Print every option of every config group, or of one group, each with what it is."""
    available = {**groups(conf_dir()), SWEEPS: sorted(path.stem for path in sweeps_dir().glob("*.yaml"))}
    if any(argument in HELP for argument in arguments):
        print(f"python -m ganexp list [group]\n\nOptions of every config group, or of one: {', '.join(available)}")
        print(f"Choose {SWEEPS} by: python -m ganexp -m +{SWEEPS}=NAME")
        print(f"python -m ganexp list {MATRIX}: which loss, penalty and normalization go together")
        return
    if len(arguments) > 1:
        raise UserError("list takes the name of one group at most: python -m ganexp list model")
    if arguments == [MATRIX]:
        matrix.show()
        return
    if arguments and arguments[0] not in available:
        raise UserError(unknown(arguments[0], "group", arguments[0], list(available)))
    for group in arguments or available:
        print(group)
        folder = sweeps_dir() if group == SWEEPS else conf_dir() / group
        for option in available[group]:
            print(f"  {option:<20} {description(folder / f'{option}.yaml')}")


def description(path: Path) -> str:
    """Return the first comment of a YAML file that is not an instruction to Hydra."""
    lines = (line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#"))
    return next((line for line in lines if not line.startswith("@")), "")
