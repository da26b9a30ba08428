"""Command ``ganexp list [group]``: the options of the config groups."""

import argparse
from pathlib import Path

from ganexp.cli.arguments import HELP, require_value
from ganexp.cli.flags import refuse_flags
from ganexp.config import matrix, recipes
from ganexp.config.composition import conf_dir, groups, sweeps_dir
from ganexp.config.descriptions import description
from ganexp.config.messages import unknown
from ganexp.errors import UserError
from ganexp.terminal.text import output_width, wrapped

MATRIX = "matrix"
SWEEPS = "sweeps"
RECIPES = "recipes"
DESCRIPTIONS = 23
"""The column in which descriptions begin."""


def main(arguments: list[str]) -> None:
    """Print the options of every config group, or of one, with their descriptions, also of a folder of the user's."""
    asks_for_help = any(argument in HELP for argument in arguments)
    own, arguments = config_folders([argument for argument in arguments if argument not in HELP])
    folders = [conf_dir(), *own]
    available = groups(*folders)
    available[SWEEPS] = sorted({*available.get(SWEEPS, []), *(path.stem for path in sweeps_dir().glob("*.yaml"))})
    if asks_for_help:
        print("python -m ganexp list [--config-dir DIR] [group]")
        print(f"\nList the options of all groups, or of one: {', '.join(available)}")
        print("With --config-dir DIR, as in training, those of a folder of your own as well.")
        print(f"Run one of the {SWEEPS} with: python -m ganexp -m +{SWEEPS}=NAME")
        print(f"python -m ganexp list {MATRIX}: compatible losses, penalties and normalizations")
        print(f"python -m ganexp list {RECIPES} [experiment]: each recipe beside what is published, as Markdown")
        return
    if own and arguments[:1] in ([RECIPES], [MATRIX]):
        raise UserError(f"list {arguments[0]} shows ganexp's own options: leave --config-dir out")
    if arguments and arguments[0] == RECIPES:
        show_recipes(arguments[1:])
        return
    if len(arguments) > 1:
        raise UserError("list takes one group at most: python -m ganexp list model")
    if arguments == [MATRIX]:
        matrix.show()
        return
    if arguments and arguments[0] not in available:
        raise UserError(unknown(arguments[0], "group", arguments[0], list(available)))
    for group in arguments or available:
        print(group)
        places = [*([sweeps_dir()] if group == SWEEPS else []), *(folder / group for folder in folders)]
        for option in available[group]:
            # Of several files of one name Hydra takes the first.
            file = next(path for place in places if (path := place / f"{option}.yaml").is_file())
            line = f"  {option:<20} {description(file)}"
            print(wrapped(line, output_width(), DESCRIPTIONS))


def config_folders(arguments: list[str]) -> tuple[list[Path], list[str]]:
    """Return the folder given by ``--config-dir``, if any, and the other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = refuse_flags  # type: ignore[method-assign]
    parser.add_argument("--config-dir", "-cd")
    flags, rest = parser.parse_known_args(arguments)
    if flags.config_dir is None:
        return [], rest
    require_value("--config-dir", flags.config_dir, "a folder with config groups of your own")
    folder = Path(flags.config_dir)
    if not folder.is_dir():
        raise UserError(f"--config-dir={folder}: there is no such folder; give one with config groups of your own")
    return [folder], rest


def show_recipes(names: list[str]) -> None:
    """Print the page of all recipes, or the sections of those named."""
    available = {recipe.name: recipe for recipe in recipes.recipes()}
    for name in names:
        if name not in available:
            raise UserError(unknown(name, "recipe", name, list(available)))
    if names:
        print("\n\n".join(recipes.section(available[name]) for name in names))
    else:
        print(recipes.page(list(available.values())), end="")
