"""Terminal-safe output of untrusted text, such as file names and another user's settings."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

ENDLESS = 1_000_000
NARROWEST = 20


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


def output_width() -> int:
    """Return the width of the terminal that the output goes to; lines of a file or a pipe have no end."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else ENDLESS


def wrapped(text: str, width: int, indent: int) -> str:
    """Return a text in lines of at most ``width``, broken between words, and indented from the second one on."""
    if len(text) <= width:
        return text
    return textwrap.fill(
        text,
        max(width, indent + NARROWEST),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
