"""Command ``ganexp new FOLDER``: a folder of one's own networks, loss, game and data, which trains as it stands."""

import shlex
import shutil
from pathlib import Path

from ganexp.cli.arguments import HELP
from ganexp.config.composition import template_dir
from ganexp.errors import UserError
from ganexp.terminal.text import printable

HELP_TEXT = """python -m ganexp new FOLDER

Write a folder to start from: networks, a loss, a game and a data set of your own, with their configuration and a test.
It trains as it stands, without a download. The folder must be new or empty.
"""
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*")


def main(arguments: list[str]) -> None:
    """Write the template into a new or empty folder, and print the command that trains with it."""
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT, end="")
        return
    if len(arguments) != 1 or arguments[0].startswith("-") or not arguments[0]:
        raise UserError("new takes one folder: python -m ganexp new FOLDER")
    folder = Path(arguments[0])
    require_new_or_empty(folder)
    shutil.copytree(template_dir(), folder, dirs_exist_ok=True, ignore=NOT_COPIED)
    names = ", ".join(sorted(path.name for path in folder.iterdir()))
    print(f"{printable(str(folder))} has {names}; train with it by:")
    print(f"cd {printable(shlex.quote(str(folder)))} && python -m ganexp --config-dir conf experiment=mine")


def require_new_or_empty(folder: Path) -> None:
    """Raise UserError if there is anything in the folder, or anything but a folder in its place."""
    if folder.is_symlink() and not folder.exists():
        raise UserError(f"{folder}: a link that leads nowhere; choose another name")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: exists and is no folder; choose another name")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: not empty, and nothing is overwritten; choose a new or an empty folder")
