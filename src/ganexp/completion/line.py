"""Words of a command line up to the cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

QUOTES = "'\""
SPECIAL = " \t\\'\"`$&;|<>()*?#!~"
"""Characters that bash reads as more than themselves."""


@dataclass(frozen=True)
class Line:
    """The words before the one at the cursor, without quotation marks; that word, and the quotation mark it is in."""

    before: Sequence[str]
    word: str
    quote: str = ""


def split(text: str) -> Line:
    """Return the words of a line of a shell; the last one may be unfinished, or empty after a space."""
    words: list[str] = []
    word, quote, is_escaped = "", "", False
    for character in text:
        if is_escaped:
            word, is_escaped = word + character, False
        elif character == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            word, quote = (word, "") if character == quote else (word + character, quote)
        elif character in QUOTES:
            quote = character
        elif character.isspace():
            words, word = [*words, word] if word else words, ""
        else:
            word += character
    return Line(words, word, quote)


def arguments_before(words: Sequence[str]) -> list[str]:
    """Return the arguments of ganexp among the words, which start with its name or with ``python -m ganexp``."""
    module = [number for number in range(1, len(words)) if list(words[number - 1 : number + 1]) == ["-m", "ganexp"]]
    first = module[0] + 1 if module else 1
    return list(words[first:])


def escaped(text: str) -> str:
    """Return a text with a backslash before each character that bash reads as more than itself."""
    return "".join(f"\\{character}" if character in SPECIAL else character for character in text)
