"""Changes of a run's settings between its beginnings, recorded in summary.json with the images seen until then."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganexp.records import summary

KEY = "changes"


@dataclass(frozen=True)
class Change:
    """A setting, by its dotted key, that has another value from ``images`` seen on."""

    images: int
    setting: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Return the change in words."""
        return f"{self.setting}={self.after} from {self.images:,} images on, {self.before} before"


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any], images: int) -> list[Change]:
    """Return the settings that differ, in the order of the later ones."""
    keys = [key for key in {**after, **before} if after.get(key) != before.get(key)]
    return [Change(images, key, before.get(key), after.get(key)) for key in keys]


def record(folder: Path, changes: Sequence[Change], images: int) -> None:
    """Add the changes that were made at ``images`` to summary.json, without any that were to come later."""
    earlier = [change for change in recorded(summary.read(folder)) if change.images < images]
    repeated = {change.setting for change in changes}
    same = [c for c in recorded(summary.read(folder)) if c.images == images and c.setting not in repeated]
    summary.update(folder, changes=[asdict(change) for change in (*earlier, *same, *changes)])


def recorded(facts: Mapping[str, Any]) -> list[Change]:
    """Return the changes in a summary, without entries that are none."""
    entries = facts.get(KEY)
    return [Change(**entry) for entry in entries if is_change(entry)] if isinstance(entries, list) else []


def is_change(entry: object) -> bool:
    """Return whether an entry of a summary, which somebody else may have written, is a change."""
    if not isinstance(entry, dict) or entry.keys() != Change.__dataclass_fields__.keys():
        return False
    return type(entry["images"]) is int and entry["images"] >= 0 and isinstance(entry["setting"], str)
