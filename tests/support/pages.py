"""The fenced blocks of the documentation's pages, shared by tests."""

import re
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block, with the file name in its title, if it has one."""

    language: str
    title: str | None
    text: str


def blocks(page):
    """Return the fenced blocks of a page in their order."""
    return [Block(**match.groupdict()) for match in FENCE.finditer((DOCS / page).read_text())]
