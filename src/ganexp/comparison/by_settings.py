"""Scores by the settings that vary: the data of the page's heat maps and parallel coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganexp.comparison.groups import Experiment
from ganexp.comparison.ranking import Entry, Ranked
from ganexp.comparison.settings import determines
from ganexp.records import summary

FEWEST_SETTINGS = 2
"""With fewer settings the table says it all."""


@dataclass(frozen=True)
class NeverStarted:
    """A run of a sweep without a configuration, such as a refused one: its overrides, and why it never started."""

    settings: dict[str, str]
    why: str


def read_never_started(folder: Path, why: str) -> NeverStarted:
    """Return the overrides in the summary of a run that never started; what is not an override is left out."""
    listed = summary.read(folder).get("overrides")
    overrides = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    pairs = (override.lstrip("+").partition("=") for override in overrides)
    return NeverStarted({name: value for name, equals, value in pairs if equals}, why)


def scores_by_settings(
    experiments: Sequence[Experiment], ranked: Ranked, never_started: Sequence[NeverStarted]
) -> dict[str, Any] | None:
    """Return the varying settings with the score of each experiment, in the order given, or why it has none.

    None where fewer than two settings vary independently. Scores are those of the first ranking, as no others may stand
    beside them.
    """
    names = independent_settings(experiments)
    if len(names) < FEWEST_SETTINGS or not ranked.rankings:
        return None
    first = ranked.rankings[0]
    entries = {id(entry.experiment): entry for entry in first.entries}
    missing = {id(run): why for run, why in ranked.left_out}
    cells = [cell(experiment, entries.get(id(experiment)), missing) for experiment in experiments]
    return {
        "names": names,
        "score": first.score,
        "higherIsBetter": first.higher_is_better,
        "experiments": cells,
        "refused": [{"settings": run.settings, "why": run.why} for run in distinct_runs(never_started, names)],
    }


def independent_settings(experiments: Sequence[Experiment]) -> list[str]:
    """Return the settings that vary, without those that follow from another, such as a model from a recipe.

    Numbers that a search draws differ in every experiment, so that nothing is taken to follow from a number.
    """
    names = dict.fromkeys(name for experiment in experiments for name in experiment.settings)
    values = {name: [experiment.settings.get(name) for experiment in experiments] for name in names}
    varying = [name for name, by_experiment in values.items() if len(set(by_experiment)) > 1]
    for name in list(varying):
        if any(
            determines(values[other], values[name]) for other in varying if other != name and is_text(values[other])
        ):
            varying.remove(name)
    return varying


def is_text(values: Sequence[str | None]) -> bool:
    """Return whether any of the values is not a number."""
    try:
        for value in values:
            float(value or 0)
    except ValueError:
        return True
    return False


def cell(experiment: Experiment, entry: Entry | None, missing: dict[int, str]) -> dict[str, Any]:
    """Return an experiment's settings with its mean and spread over seeds, or the reason why it has no score."""
    reasons = [missing[id(run)] for run in experiment.runs if id(run) in missing]
    return {
        "settings": experiment.settings,
        "mean": entry and entry.mean,
        "deviation": entry and entry.deviation,
        "seeds": len(entry.readings) if entry else 0,
        "why": None if entry else "; ".join(dict.fromkeys(reasons)) or "scored under another protocol",
    }


def distinct_runs(never_started: Sequence[NeverStarted], names: Sequence[str]) -> list[NeverStarted]:
    """Return the runs with at least two of the varying settings, once for all their seeds."""
    by_settings: dict[object, NeverStarted] = {}
    for run in never_started:
        settings = {name: run.settings[name] for name in names if name in run.settings}
        if len(settings) >= FEWEST_SETTINGS:
            by_settings.setdefault(frozenset(settings.items()), NeverStarted(settings, run.why))
    return list(by_settings.values())
