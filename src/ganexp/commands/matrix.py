"""``ganexp list matrix``: which loss, penalty and normalization go together."""

from itertools import product
from string import ascii_lowercase
from typing import Any

from ganexp import composition
from ganexp.rules import Rule, broken_rule

Cell = tuple[str, str, str]
PARTS = {"loss": ("loss",), "penalty": ("penalty", "constraint"), "normalization": ("normalization",)}


def verdicts() -> dict[Cell, Rule | None]:
    """Return the rule that each (loss, penalty, normalization) breaks, None where it trains."""
    options = composition.groups(composition.conf_dir())
    parts = {group: {option: part(group, option) for option in options[group]} for group in PARTS}
    return {
        (loss, penalty, normalization): broken_rule(
            {**parts["loss"][loss], **parts["penalty"][penalty], **parts["normalization"][normalization]}
        )
        for loss, penalty, normalization in product(*parts.values())
    }


def part(group: str, option: str) -> dict[str, Any]:
    """Return the nodes of the configuration that an option sets."""
    config = composition.compose([f"{group}={option}"], [])
    return {key: config[key] for key in PARTS[group]}


def show() -> None:
    """Print a table, a letter for each reason to refuse, and the reasons."""
    cells = verdicts()
    losses, penalties, normalizations = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    reasons = list(dict.fromkeys(rule for rule in cells.values() if rule is not None))
    letters = dict(zip(reasons, ascii_lowercase, strict=False))
    print("Which combinations train, for every model: + trains, a letter is refused before training, as said below.\n")
    width = max(map(len, normalizations)) + 2
    print(f"{'loss':<15}{'penalty':<18}" + "".join(f"{name:<{width}}" for name in normalizations).rstrip())
    for loss, penalty in product(losses, penalties):
        rules = [cells[loss, penalty, normalization] for normalization in normalizations]
        marks = "".join(f"{'+' if rule is None else letters[rule]:<{width}}" for rule in rules)
        print(f"{loss:<15}{penalty:<18}{marks.rstrip()}")
    print()
    for rule, letter in letters.items():
        print(f"{letter}  {rule.reason}; {rule.instead}")
    print("Beside these a conditional model needs labelled data, and instance normalization needs maps above 1x1.")
