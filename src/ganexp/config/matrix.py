"""Compatibility matrix of models, losses, penalties, normalizations and data: ``ganexp list matrix``."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, pairwise, product
from string import ascii_lowercase
from typing import Any

from ganexp.config import composition
from ganexp.config.rules import RULES, Rule, broken_rule
from ganexp.terminal.progress import progress
from ganexp.terminal.text import output_width, wrapped

Parts = Mapping[str, Any]
GROUPS = ("model", "loss", "penalty", "normalization")
LETTERS = dict(zip(RULES, ascii_lowercase, strict=False))


def verdict(*parts: Parts) -> Rule | None:
    """Return the rule that the parts of a configuration break together; later parts replace earlier ones."""
    return broken_rule({key: node for part in parts for key, node in part.items()})


def options(group: str) -> list[str]:
    """Return the names of a group's options."""
    return composition.groups(composition.conf_dir())[group]


@cache
def option(group: str, name: str) -> Parts:
    """Return the values that an option sets."""
    return composition.option(group, name)


@cache
def model_parts(name: str) -> Parts:
    """Return the values that a model sets, and compatible data: the default if it is compatible."""
    config = composition.compose_or_empty([f"model={name}"], [])
    alone = {key: config[key] for key in ("requires", "model")}
    candidates = chain([{"data": config["data"]}], map(data_parts, options("data")))
    return next({**alone, **data} for data in candidates if verdict(alone, data) is None)


@cache
def data_parts(name: str) -> Parts:
    """Return the values that a data set sets."""
    return {"data": composition.compose_or_empty([f"data={name}"], [])["data"]}


def compose_all(models: Sequence[str], data: Sequence[str]) -> None:
    """Compose every model and data set, which is what the matrix takes its time for, behind a progress bar."""
    with progress("composing models and data", len(models) + len(data)) as advance:
        for compose, names in ((data_parts, data), (model_parts, models)):
            for name in names:
                compose(name)
                advance(1)


def show() -> None:
    """Print the tables, with a letter for each rule, and the reasons of the rules."""
    compose_all(options("model"), options("data"))
    models, losses, penalties, normalizations = map(options, GROUPS)
    normalized = [option("normalization", name) for name in normalizations]
    print("Compatible combinations: + trains; a letter is refused before training, for the reason below.\n")
    pairs = {
        f"{loss:<15}{penalty}": [verdict(option("loss", loss), option("penalty", penalty), n) for n in normalized]
        for loss, penalty in product(losses, penalties)
    }
    print(as_table(f"{'loss':<15}penalty", normalizations, pairs))
    print("Normalizations that each model accepts, at the image size of its default data:\n")
    print(as_table("model", normalizations, {m: [verdict(model_parts(m), n) for n in normalized] for m in models}))
    print("Data that each model accepts:\n")
    data = options("data")
    print(as_lists(data, {model: [verdict(model_parts(model), data_parts(name)) for name in data] for model in models}))
    for rule, letter in LETTERS.items():
        print(wrapped(f"{letter}  {rule.reason}; {rule.instead}", output_width(), 3))
    print("A network that cannot generate the data's image size reports the sizes that it can: set data.image_size.")


def as_table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[Rule | None]]) -> str:
    """Return a table of verdicts under the column names; several, below each other, where one is too wide."""
    first = max(map(len, [title, *rows])) + 2
    marked = {title: columns, **{name: list(map(mark, rules)) for name, rules in rows.items()}}
    return "\n".join(
        "".join(f"{named_row(name, cells, columns, first, part)}\n" for name, cells in marked.items())
        for part in fitting_parts(columns, output_width() - first)
    )


def fitting_parts(columns: Sequence[str], width: int) -> list[range]:
    """Return the numbers of the columns in parts of at most a width, each of at least one column."""
    starts, used = [0], 0
    for number, column in enumerate(columns):
        used += len(column) + 2
        if used > width and number > starts[-1]:
            starts, used = [*starts, number], len(column) + 2
    return [range(*ends) for ends in pairwise([*starts, len(columns)])]


def named_row(name: str, cells: Sequence[str], columns: Sequence[str], first: int, part: range) -> str:
    """Return a row's name and some of its cells, in columns as wide as their names."""
    return (f"{name:<{first}}" + "".join(f"{cells[number]:<{len(columns[number]) + 2}}" for number in part)).rstrip()


def as_lists(columns: Sequence[str], rows: Mapping[str, Sequence[Rule | None]]) -> str:
    """Return groups of rows with equal verdicts, and for each verdict its columns."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, rules in rows.items():
        groups.setdefault(tuple(map(mark, rules)), []).append(name)
    lines = []
    for marks, names in groups.items():
        lines.append(wrapped(" ".join(names), output_width(), 0))
        for symbol in sorted(set(marks)):
            matching = [column for column, other in zip(columns, marks, strict=True) if other == symbol]
            lines.append(wrapped(f"  {symbol}  {' '.join(matching)}", output_width(), 5))
    return "".join(f"{line}\n" for line in lines)


def mark(rule: Rule | None) -> str:
    """Return the symbol of a verdict."""
    return "+" if rule is None else LETTERS[rule]
