"""Status of a sweep's runs, as recorded in their folders."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganexp.files import folder_lock
from ganexp.files.untrusted import read_json
from ganexp.records import summary
from ganexp.runs.scores import is_float, is_score

UNFINISHED = "unfinished"
"""Recorded as running by a process that no longer exists."""
DONE = (summary.FINISHED, summary.PRUNED)
STATUSES = (*DONE, summary.RUNNING, summary.STOPPED, summary.CRASHED, summary.REFUSED)
ENTRY = {"name", "value", "spread", "higher_is_better", "protocol"}
"""Fields of a score."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run.

    ``score`` is the monitored one as in scores.json, ``error`` as ``remote_errors.to_dict`` returns it.
    """

    status: str
    overrides: list[str] = field(default_factory=list)
    reason: str | None = None
    images: int | None = None
    seconds: float | None = None
    score: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


def read(folder: Path) -> Outcome | None:
    """Return the outcome of the run in ``folder`` so far, None if no run has started there.

    What the run's summary.json, which may be anybody's, has of another type is left out.
    """
    facts = summary.read(folder)
    if not facts:
        return None
    recorded, reason, error = facts.get("status"), facts.get("reason"), facts.get("error")
    overrides, images, duration = facts.get("overrides"), facts.get("images_seen"), facts.get("seconds")
    return Outcome(
        recorded if recorded in STATUSES else UNFINISHED,
        [text for text in overrides if isinstance(text, str)] if isinstance(overrides, list) else [],
        reason if isinstance(reason, str) else None,
        images if isinstance(images, int) else None,
        duration if is_float(duration) else None,
        monitored_entry(scores(folder / "scores.json"), facts.get("monitor")),
        error if isinstance(error, dict) else None,
    )


def record(
    folder: Path,
    overrides: list[str],
    status: str,
    monitor: str | None,
    reason: str | None = None,
    error: dict[str, Any] | None = None,
) -> Outcome:
    """Write the outcome of a run into its summary.json, and return it."""
    score = monitored_entry(scores(folder / "scores.json"), monitor)
    folder.mkdir(parents=True, exist_ok=True)
    summary.update(
        folder,
        reason=reason,
        error=error,
        overrides=overrides,
        status=status,
        monitor=score and score["name"],
        seconds=seconds(folder / "metrics.csv"),
    )
    outcome = read(folder)
    assert outcome is not None
    return outcome


def run_folders(folder: Path) -> Iterator[Path]:
    """Yield the folders of a sweep's runs, at any depth."""
    for parent, subfolders, files in os.walk(folder):
        if summary.FILE in files:
            subfolders.clear()
            yield Path(parent)


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Yield whether nobody else held the lock of ``folder``, this process included, and hold it until the end.

    The system releases it when this process dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder_lock.is_held(folder):
        yield False
        return
    with folder_lock.locked(folder) as is_held:
        yield is_held


def seconds(path: Path) -> float | None:
    """Return the seconds of training that a metrics.csv records, over all parts of an interrupted run."""
    from ganexp.records.curves import read_curves

    curve = read_curves(path).curves.get("time/seconds")
    return float(curve.values.max()) if curve is not None and len(curve.values) else None


def scores(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a scores.json, none if there is no such file or it is damaged."""
    try:
        return [entry for entry in read_json(path)["scores"] if is_entry(entry)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def is_entry(entry: Any) -> bool:
    """Return whether a value read from scores.json is a score with a spread and a direction."""
    if not is_score(entry) or not entry.keys() >= ENTRY:
        return False
    spread = entry["spread"]
    return (spread is None or is_float(spread)) and isinstance(entry["higher_is_better"], bool)


def monitored_entry(entries: Sequence[dict[str, Any]], name: str | None) -> dict[str, Any] | None:
    """Return the score of that name, or the first."""
    return next((entry for entry in entries if name in (None, entry["name"])), None)
