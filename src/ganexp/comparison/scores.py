"""A run's scores over its training, each with its protocol."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.records.curves import Curve, Curves

FILE = "scores.json"
PREFIX = "score/"


@dataclass(frozen=True)
class ScoreCurve:
    """One score at some numbers of images seen; how it was made is None where scores.json does not say it."""

    name: str
    curve: Curve
    higher_is_better: bool
    protocol: Mapping[str, Any] | None


def read_scores(folder: Path, curves: Curves) -> tuple[list[ScoreCurve], list[str]]:
    """Return the scores of a run, those taken while training and those that ``evaluate`` added, and what is wrong."""
    entries, problems = read_entries(folder / FILE)
    found, while_training = [], []
    for column, curve in curves.curves.items():
        name = column.removeprefix(PREFIX)
        if column.startswith(PREFIX) and len(curve.images):
            entry = protocol_of(name, curve, entries)
            while_training.append(entry)
            if entry is None:
                problems.append(f"{FILE} does not say how {name} was made")
            better = bool(entry["higher_is_better"]) if entry else False
            found.append(ScoreCurve(name, curve, better, entry["protocol"] if entry else None))
    for entry in entries:
        if all(entry is not other for other in while_training):
            point = Curve(np.array([float(entry["images_seen"] or curves.images_seen)]), np.array([entry["value"]]))
            found.append(ScoreCurve(entry["name"], point, bool(entry["higher_is_better"]), entry["protocol"]))
    return found, problems


def read_entries(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what can be used of a scores.json."""
    try:
        listed = json.loads(path.read_text())["scores"]
        entries = [entry for entry in listed if usable(entry)]
    except OSError:
        return [], []
    except (ValueError, KeyError, TypeError):
        return [], [f"{FILE} cannot be read"]
    return entries, [f"{FILE}: an entry without name, value or protocol"] if len(entries) < len(listed) else []


def usable(entry: Any) -> bool:
    """Return whether an entry has all that a comparison needs."""
    try:
        number = isinstance(entry["value"], int | float) and math.isfinite(entry["value"])
        whole = isinstance(entry["name"], str) and isinstance(entry["protocol"], dict)
        images = entry["images_seen"] is None or math.isfinite(entry["images_seen"])
        return number and whole and images and entry["higher_is_better"] in (True, False)
    except (KeyError, TypeError):
        return False


def protocol_of(name: str, curve: Curve, entries: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the entry of scores.json that was written with one of the curve's points.

    A run has one protocol while it trains; ``evaluate`` may have added others of the same name.
    """
    points = set(zip(curve.images.tolist(), curve.values.tolist(), strict=True))
    named = [entry for entry in entries if entry["name"] == name]
    for entry in named:
        if (entry["images_seen"], entry["value"]) in points:
            return entry
    return None
