"""Which settings make two runs different experiments, and how to name them."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganexp.comparison.run import Run

Settings = dict[str, str]

REPEATS = ("seed",)
ELSEWHERE = (
    "run_dir",
    "sweep_dir",
    "sweeps",
    "skip_finished",
    "skip_refused",
    "data_root",
    "data.workers",
    "data.in_memory",
    "logger",
    "callbacks",
    "metric",
    "extractor",
    "scoring",
    "trainer",
    "numerics",
)
"""Where and how a run is made, watched and scored: the scores' protocols tell what of it matters."""
OF_THE_TRAINER = ("trainer.precision", "trainer.max_epochs", "trainer.max_steps", "trainer.sync_batchnorm")
"""What the result depends on, of what the trainer is told."""


def identity(config: Mapping[str, Any]) -> Settings:
    """Return all settings, by dotted names, of which each makes it another experiment."""
    return {name: text(value) for name, value in leaves(config) if matters(name)}


def matters(name: str) -> bool:
    """Return whether a setting makes it another experiment."""
    return name in OF_THE_TRAINER or not any(lies_in(name, part) for part in (*REPEATS, *ELSEWHERE))


def lies_in(name: str, node: str) -> bool:
    """Return whether a dotted name is that of a node or of something in it."""
    return name == node or name.startswith((f"{node}.", f"{node}/", f"{node}@"))


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value that is no mapping by its dotted name; an empty mapping is a value."""
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def text(value: Any) -> str:
    """Return a value as people write it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def differing(experiments: Sequence[Settings]) -> dict[str, list[str | None]]:
    """Return the settings in which experiments differ, each with its value in every one; None where it has none."""
    names = dict.fromkeys(name for settings in experiments for name in settings)
    values = {name: [settings.get(name) for settings in experiments] for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def telling(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return the few settings that tell runs of different experiments apart, each with its value in every one.

    Where the runs know it, that is the option chosen of a config group in the place of all that the option sets, and
    whatever else somebody has set.
    """
    values = differing([identity(run.config) for run in runs])
    options = differing([choices(run) for run in runs]) if all(choices(run) for run in runs) else {}
    given = list(dict.fromkeys(name for run in runs for name in overridden(run)))
    nodes = set(given) - {group for run in runs for group in choices(run)}
    # In the order in which somebody gave them, after those that set others.
    groups = sorted(options, key=lambda group: (rank(group), given.index(group) if group in given else len(given)))
    kept: dict[str, list[str | None]] = {}
    for name in [*groups, *values]:
        each = options.get(name, values.get(name, []))
        asked = name in given or any(lies_in(name, node) for node in nodes)
        if asked or not any(decides(kept[option], each) for option in kept if option in options):
            kept[name] = each
    return {title(name): [short(value) for value in each] for name, each in kept.items()}


def choices(run: Run) -> Settings:
    """Return the option of each config group that matters, by the group's name."""
    known = run.summary.get("choices")
    return {name: text(value) for name, value in known.items() if matters(name)} if isinstance(known, dict) else {}


def overridden(run: Run) -> Iterator[str]:
    """Yield the names of what was given on the command line."""
    try:
        words = shlex.split(str(run.summary.get("command", "")))
    except ValueError:
        return
    for word in words:
        name, equals, _ = word.partition("=")
        if equals:
            yield name.lstrip("+~")


def rank(group: str) -> tuple[bool, bool]:
    """Return what puts the groups that set others first: a model brings its loss, a pair of layers each layer."""
    return group not in ("model", "data"), "/" in group


def decides(option: Sequence[str | None], values: Sequence[str | None]) -> bool:
    """Return whether a value is the same wherever the option is the same."""
    return len(set(zip(option, values, strict=True))) == len(set(option))


def short(value: str | None) -> str:
    """Return a value without the path of the module that it is from."""
    if value is None:
        return "none"
    return value.rpartition(".")[2] if value.startswith("ganexp.") else value


def title(name: str) -> str:
    """Return a setting's name as a heading."""
    return name.removesuffix("._target_")
