"""Terminal-safe output of untrusted text, such as file names and another user's settings."""

from collections.abc import Sequence


def printable(text: str) -> str:
    """Replace control and unprintable characters by spaces; line breaks are preserved."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def shortened(text: str, length: int = 80) -> str:
    """Return a text with its middle left out where it is longer than ``length`` characters."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


def first_names(names: Sequence[str], most: int = 3) -> str:
    """Return the first of many names as text, and how many more there are."""
    more = f"; and {len(names) - most:,} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
