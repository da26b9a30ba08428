"""The first of many names, for a message of one line."""

from collections.abc import Sequence

NAMES_SHOWN = 3


def first_names(names: Sequence[str]) -> str:
    """Return the first three names as text, and how many more there are."""
    more = f"; and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return "; ".join(names[:NAMES_SHOWN]) + more
