"""Answers to a completion."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A word that completes the one at the cursor; more of an unfinished one may follow without a space."""

    text: str
    is_finished: bool = True
    description: str = ""
