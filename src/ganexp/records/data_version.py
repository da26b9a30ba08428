"""Version of the training data in summary.json, such as «content:» and a checksum."""

import re
from collections.abc import Mapping
from typing import Any

KEY = "data"
VERSION = re.compile(r"[a-z]{1,16}:[0-9a-f]{32}")


def recorded_version(facts: Mapping[str, Any]) -> str | None:
    """Return the version in a summary, which somebody else may have written; None if there is none."""
    version = facts.get(KEY)
    return version if isinstance(version, str) and VERSION.fullmatch(version) else None


def kind_of(version: str) -> str:
    """Return what a version is a checksum of: only those of one kind can be compared."""
    return version.partition(":")[0]
