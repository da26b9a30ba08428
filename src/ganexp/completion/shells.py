"""Input and output of each shell: the script that asks for answers, and the answers as lines."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ganexp.completion.answer import Answer
from ganexp.completion.line import Line, escaped, split

TEMPLATES = Path(__file__).parent / "templates"


def script(shell: str) -> str:
    """Return the script that a shell evaluates for completions of ``ganexp`` and of ``python -m ganexp``."""
    return (TEMPLATES / f"ganexp.{shell}").read_text(encoding="utf-8")


def read(text: str) -> Line:
    """Return the words of a command line, which zsh and fish give one in a line, as they are typed."""
    if "\n" not in text:
        return split(text)
    *before, word = text.split("\n")
    last = split(word)
    return Line([split(other).word for other in before], " ".join([*last.before, last.word]), last.quote)


def bash_lines(answers: Iterable[Answer], line: Line) -> list[str]:
    """Return what readline puts in place of the last part of the word; a finished answer ends in a space.

    Outside of quotation marks, readline has parts that end at each character of GANEXP_WORD_BREAKS, such as ``=``.
    """
    if line.quote:
        return [answer.text for answer in answers]
    typed, breaks = escaped(line.word), os.environ.get("GANEXP_WORD_BREAKS", "=:@")
    start = max((typed.rfind(character) for character in breaks if not character.isspace()), default=-1) + 1
    return [escaped(answer.text)[start:] + (" " if answer.is_finished else "") for answer in answers]


def described_lines(answers: Iterable[Answer], line: Line) -> list[str]:
    """Return the answer, a tab and its description; an unfinished answer without a space at its end."""
    return [f"{answer.text}{' ' if answer.is_finished else ''}\t{answer.description}" for answer in answers]


SHELLS: Mapping[str, Callable[[Iterable[Answer], Line], list[str]]] = {
    "bash": bash_lines,
    "zsh": described_lines,
    "fish": described_lines,
}
"""The lines that a shell's script reads, of the answers for a line."""
