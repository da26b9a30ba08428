"""Settings that make two runs different experiments, and their names."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganexp.comparison.run_record import RunRecord

Settings = dict[str, str]
REFERENCE = re.compile(r"\$\{(?P<name>[\w.]+)\}")
MOST_REFERENCES = 10
"""References that are followed, as some may lead back to themselves."""

REPETITION_SETTINGS = ("seed",)
IRRELEVANT_SETTINGS = (
    "run_dir",
    "autoresume",
    "rank_timeout",
    "sweep_dir",
    "sweeps",
    "skip_finished",
    "skip_refused",
    "data_root",
    "data.workers",
    "data.in_memory",
    "data.device_memory_share",
    "data.device_decoding",
    "logger",
    "callbacks",
    "metric",
    "extractor",
    "scoring",
    "trainer",
    "numerics",
    "graphs",
    "precision",
)
"""Where and how a run is executed, logged and scored; what matters of it is in the scores' protocols.

The option of ``precision`` sets ``trainer.precision``, which is compared.
"""
TRAINER_SETTINGS = ("trainer.precision", "trainer.max_epochs", "trainer.max_steps", "trainer.sync_batchnorm")
"""The trainer's settings that influence the result."""


def identity(config: Mapping[str, Any]) -> Settings:
    """Return the settings by dotted names that define an experiment."""
    return {name: as_text(value) for name, value in leaves(config) if matters(name)}


def matters(name: str) -> bool:
    """Return whether a change of a setting makes a different experiment."""
    return name in TRAINER_SETTINGS or not any(
        is_within(name, node) for node in (*REPETITION_SETTINGS, *IRRELEVANT_SETTINGS)
    )


def is_within(name: str, node: str) -> bool:
    """Return whether a dotted name is that of a node or of one of its descendants."""
    return name == node or name.startswith((f"{node}.", f"{node}/", f"{node}@"))


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each leaf by its dotted name; an empty mapping is a leaf."""
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def as_text(value: Any) -> str:
    """Return a value as text, strings without quotes."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def differing(experiments: Sequence[Settings]) -> dict[str, list[str | None]]:
    """Return the settings that differ between experiments with one value per experiment, None where it has none.

    A reference to another setting is one value wherever it leads; of settings that differ, it is replaced by the
    value of the other one.
    """
    names = dict.fromkeys(name for settings in experiments for name in settings)
    values = {name: [settings.get(name) for settings in experiments] for name in names}
    differ = [name for name, by_experiment in values.items() if len(set(by_experiment)) > 1]
    return {name: [followed(settings, settings.get(name)) for settings in experiments] for name in differ}


def followed(settings: Settings, value: str | None) -> str | None:
    """Return the value that a reference such as ``${model.latent}`` leads to; anything else unchanged."""
    for _ in range(MOST_REFERENCES):
        reference = None if value is None else REFERENCE.fullmatch(value)
        if reference is None or reference["name"] not in settings:
            return value
        value = settings[reference["name"]]
    return value


def distinguishing_settings(runs: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Return the few settings that distinguish runs of different experiments, with one value per run.

    Where the runs record it, that is the option chosen in a config group instead of all settings that the option
    implies, and every other setting that was overridden.
    """
    values = differing([identity(run.config) for run in runs])
    options = differing([chosen_options(run) for run in runs]) if all(map(chosen_options, runs)) else {}
    overrides = list(dict.fromkeys(name for run in runs for name in overridden_names(run)))
    nodes = set(overrides) - {group for run in runs for group in chosen_options(run)}
    # In the order of the command line, after the groups that imply others.
    position = {name: index for index, name in enumerate(overrides)}
    groups = sorted(options, key=lambda group: (precedence(group), position.get(group, len(overrides))))
    shown: dict[str, list[str | None]] = {}
    for name in [*groups, *values]:
        by_run = options.get(name, values.get(name, []))
        overridden = name in overrides or any(is_within(name, node) for node in nodes)
        if overridden or not any(determines(shown[option], by_run) for option in shown if option in options):
            shown[name] = by_run
    return {setting_title(name): [short(value) for value in by_run] for name, by_run in shown.items()}


def chosen_options(run: RunRecord) -> Settings:
    """Return the chosen option of each config group that matters, by the group's name."""
    options = run.summary.get("choices")
    if not isinstance(options, dict):
        return {}
    return {name: as_text(value) for name, value in options.items() if matters(name)}


def overridden_names(run: RunRecord) -> Iterator[str]:
    """Yield the names of the settings overridden on the command line."""
    try:
        words = shlex.split(str(run.summary.get("command", "")))
    except ValueError:
        return
    for word in words:
        name, equals, _ = word.partition("=")
        if equals:
            yield name.lstrip("+~")


def precedence(group: str) -> tuple[bool, bool]:
    """Return the sort key that puts groups before those they imply: a model sets its loss, a pair of layers each."""
    return group not in ("model", "data"), "/" in group


def determines(option: Sequence[str | None], values: Sequence[str | None]) -> bool:
    """Return whether runs with the same option also have the same value."""
    return len(set(zip(option, values, strict=True))) == len(set(option))


def short(value: str | None) -> str:
    """Return a value without the module path of a class of this package."""
    if value is None:
        return "none"
    return value.rpartition(".")[2] if value.startswith("ganexp.") else value


def setting_title(name: str) -> str:
    """Return a setting's name as a heading."""
    return name.removesuffix("._target_")
