"""``ganexp list matrix``: which model, loss, penalty, normalization and data go together."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, product
from string import ascii_lowercase
from typing import Any

from ganexp.config import composition
from ganexp.config.rules import RULES, Rule, broken_rule

Parts = Mapping[str, Any]
Cell = tuple[str, str, str, str]
GROUPS = ("model", "loss", "penalty", "normalization")
LETTERS = dict(zip(RULES, ascii_lowercase, strict=False))


def verdicts() -> dict[Cell, Rule | None]:
    """Return the rule that each (model, loss, penalty, normalization) breaks, None where it trains."""
    return {
        (model, loss, penalty, normalization): verdict(
            of_model(model), option("loss", loss), option("penalty", penalty), option("normalization", normalization)
        )
        for model, loss, penalty, normalization in product(*(options(group) for group in GROUPS))
    }


def verdict(*parts: Parts) -> Rule | None:
    """Return the rule that the parts of a configuration break together; later parts replace earlier ones."""
    return broken_rule({key: node for part in parts for key, node in part.items()})


def options(group: str) -> list[str]:
    """Return the names of a group's options."""
    return composition.groups(composition.conf_dir())[group]


@cache
def option(group: str, name: str) -> Parts:
    """Return what an option sets."""
    return composition.option(group, name)


@cache
def of_model(name: str) -> Parts:
    """Return what a model's option sets by itself, and data that it goes with: the default, where it does."""
    config = composition.compose([f"model={name}"], [])
    alone = {key: config[key] for key in ("requires", "model")}
    candidates = chain([{"data": config["data"]}], map(of_data, options("data")))
    return next({**alone, **data} for data in candidates if verdict(alone, data) is None)


@cache
def of_data(name: str) -> Parts:
    """Return what a data set's option sets by itself."""
    return {"data": composition.compose([f"data={name}"], [])["data"]}


def show() -> None:
    """Print tables, with a letter for each reason to refuse, and the reasons."""
    models, losses, penalties, normalizations = map(options, GROUPS)
    normalized = [option("normalization", name) for name in normalizations]
    print("Which combinations train: + trains, a letter is refused before training, for the reason below.\n")
    pairs = {
        f"{loss:<15}{penalty}": [verdict(option("loss", loss), option("penalty", penalty), n) for n in normalized]
        for loss, penalty in product(losses, penalties)
    }
    print(as_table(f"{'loss':<15}penalty", normalizations, pairs))
    print("What a model asks of the normalization besides, with images of the size of its default data:\n")
    print(as_table("model", normalizations, {m: [verdict(of_model(m), n) for n in normalized] for m in models}))
    print("What it asks of the data:\n")
    data = options("data")
    print(as_lists(data, {model: [verdict(of_model(model), of_data(name)) for name in data] for model in models}))
    for rule, letter in LETTERS.items():
        print(f"{letter}  {rule.reason}; {rule.instead}")
    print("A network that cannot make images of the data's size says which it can: set data.image_size.")


def as_table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[Rule | None]]) -> str:
    """Return verdicts under their columns' names."""
    first = max(map(len, [title, *rows])) + 2
    marked = {name: list(map(mark, rules)) for name, rules in rows.items()}
    lines = [
        f"{name:<{first}}" + "".join(f"{cell:<{len(column) + 2}}" for column, cell in zip(columns, cells, strict=True))
        for name, cells in {title: columns, **marked}.items()
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def as_lists(columns: Sequence[str], rows: Mapping[str, Sequence[Rule | None]]) -> str:
    """Return the rows that have the same verdicts together, and for each verdict the columns that have it."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, rules in rows.items():
        alike.setdefault(tuple(map(mark, rules)), []).append(name)
    lines = []
    for marks, names in alike.items():
        lines.append(" ".join(names))
        for each in sorted(set(marks)):
            having = [column for column, found in zip(columns, marks, strict=True) if found == each]
            lines.append(f"  {each}  {' '.join(having)}")
    return "".join(f"{line}\n" for line in lines)


def mark(rule: Rule | None) -> str:
    """Return the verdict's character."""
    return "+" if rule is None else LETTERS[rule]
