"""Command ``ganexp list [group]``: the options of the config groups."""

from ganexp.cli.arguments import HELP
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
    """Print the options of every config group, or of one, with their descriptions."""
    available = {**groups(conf_dir()), SWEEPS: sorted(path.stem for path in sweeps_dir().glob("*.yaml"))}
    if any(argument in HELP for argument in arguments):
        print(f"python -m ganexp list [group]\n\nList the options of all groups, or of one: {', '.join(available)}")
        print(f"Run one of the {SWEEPS} with: python -m ganexp -m +{SWEEPS}=NAME")
        print(f"python -m ganexp list {MATRIX}: compatible losses, penalties and normalizations")
        print(f"python -m ganexp list {RECIPES} [experiment]: each recipe beside what is published, as Markdown")
        return
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
        folder = sweeps_dir() if group == SWEEPS else conf_dir() / group
        for option in available[group]:
            line = f"  {option:<20} {description(folder / f'{option}.yaml')}"
            print(wrapped(line, output_width(), DESCRIPTIONS))


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
