"""Published scores and their comparability with computed scores."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ganexp.metrics.protocol import settings
from ganexp.metrics.standard_inception import WEIGHTS

SHOWN = 4
STANDARD_WEIGHTS = WEIGHTS.sha256 or ""
DECISIVE_SETTINGS = ("fakes.samples", "reference.images", "reference.split")
"""Settings that decide a distance to real images; if a source does not state them, comparability is unknown."""


@cache
def published() -> list[dict[str, Any]]:
    """Return every published score: data, metric, model, value, source and the stated part of its protocol."""
    text = Path(__file__).with_name("published.yaml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = yaml.safe_load(text)
    return entries


def matching_published(protocol: Mapping[str, Any]) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the closest published scores of the same data and metric, with the reasons against a comparison."""
    data, metric = protocol["reference"]["data"], protocol["metric"]
    same = [entry for entry in published() if (entry["data"], entry["metric"]) == (data, metric)]
    judged = [(entry, reasons_against(entry, protocol)) for entry in same]
    return sorted(judged, key=lambda pair: len(pair[1]))[:SHOWN]


def reasons_against(entry: Mapping[str, Any], protocol: Mapping[str, Any]) -> list[str]:
    """Return the reasons against comparing a score with a published one, as «setting: computed against published»."""
    computed, stated = dict(settings(protocol)), entry["protocol"]
    weights = str(computed.get("features.weights", "none"))
    other_weights = (
        [] if weights.startswith(STANDARD_WEIGHTS) else [f"features.weights: {weights} against the standard"]
    )
    differing = [
        f"{name}: {computed.get(name, 'none')} against {value}"
        for name, value in stated.items()
        if computed.get(name) != value
    ]
    precision = computed.get("features.precision")
    reduced = [f"features.precision: {precision} against float32"] if precision else []
    decisive = DECISIVE_SETTINGS if "reference.split" in computed else DECISIVE_SETTINGS[:1]
    unstated = [f"{name}: not stated by the source" for name in decisive if name not in stated]
    return other_weights + reduced + differing + unstated
