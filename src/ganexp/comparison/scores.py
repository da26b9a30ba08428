"""Score curves of a run, each with its evaluation protocol."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.files.untrusted import read_json
from ganexp.records.curves import Curve, Curves

FILE = "scores.json"
PREFIX = "score/"


@dataclass(frozen=True)
class ScoreCurve:
    """One score by images seen; ``protocol`` is None where scores.json does not record it."""

    name: str
    curve: Curve
    higher_is_better: bool
    protocol: Mapping[str, Any] | None


def read_scores(folder: Path, curves: Curves) -> tuple[list[ScoreCurve], list[str]]:
    """Return a run's scores, from training and added by ``evaluate``, and the problems of reading them."""
    entries, problems = read_entries(folder / FILE)
    scores, while_training = [], []
    for column, curve in curves.curves.items():
        name = column.removeprefix(PREFIX)
        if column.startswith(PREFIX) and len(curve.images):
            entry = matching_entry(name, curve, entries)
            while_training.append(entry)
            if entry is None:
                problems.append(f"{FILE} has no protocol for {name}")
            higher_is_better = bool(entry["higher_is_better"]) if entry else False
            scores.append(ScoreCurve(name, curve, higher_is_better, entry["protocol"] if entry else None))
    for entry in entries:
        if all(entry is not other for other in while_training):
            point = Curve(np.array([float(entry["images_seen"] or curves.images_seen)]), np.array([entry["value"]]))
            scores.append(ScoreCurve(entry["name"], point, bool(entry["higher_is_better"]), entry["protocol"]))
    return scores, problems


def read_entries(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the usable entries of a scores.json, and the problems of reading it."""
    try:
        listed = read_json(path)["scores"]
        entries = [entry for entry in listed if is_usable(entry)]
    except OSError:
        return [], []
    except (ValueError, KeyError, TypeError):
        return [], [f"{FILE} cannot be read"]
    return entries, [f"{FILE}: an entry lacks a name, a value or a protocol"] if len(entries) < len(listed) else []


def is_usable(entry: Any) -> bool:
    """Return whether an entry has everything that a comparison needs."""
    try:
        value = isinstance(entry["value"], int | float) and math.isfinite(entry["value"])
        description = isinstance(entry["name"], str) and isinstance(entry["protocol"], dict)
        images = entry["images_seen"] is None or math.isfinite(entry["images_seen"])
        return value and description and images and entry["higher_is_better"] in (True, False)
    except (KeyError, TypeError, OverflowError):
        return False


def matching_entry(name: str, curve: Curve, entries: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the entry of scores.json that was written together with one of the curve's points.

    A run trains with one protocol; ``evaluate`` may have added entries of the same name with others.
    """
    points = set(zip(curve.images.tolist(), curve.values.tolist(), strict=True))
    named = [entry for entry in entries if entry["name"] == name]
    for entry in named:
        if (entry["images_seen"], entry["value"]) in points:
            return entry
    return None
