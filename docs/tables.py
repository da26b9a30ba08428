"""A hook of MkDocs: cells of wide tables know their column's name, so that site.css can stack them on a phone."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig

PHONE = 60
"""Characters of a row that a phone shows, the longest of each column together."""
LAST = -1
"""Priority: after Markdown's own processors, the last of which has 0."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the extension."""
    config.markdown_extensions.append(WideTables())
    return config


class WideTables(Extension):
    """The extension of Markdown that labels wide tables."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Add the processor to a converter."""
        md.treeprocessors.register(Labels(md), "wide_tables", LAST)


class Labels(Treeprocessor):
    """Mark tables that are wider than a phone, and name the column in each of their cells."""

    def run(self, root: Element) -> None:
        """Label the wide tables of a page."""
        for table in root.iter("table"):
            header, *body = ([*row] for row in table.iter("tr"))
            if sum(map(width, header, zip(*body, strict=True))) > PHONE:
                label(table, header, body)


def width(name: Element, cells: Sequence[Element]) -> int:
    """Return the characters that a column needs in a line; its name may take several lines."""
    return max(map(len, [*text(name).split(), *map(text, cells)]))


def label(table: Element, header: Sequence[Element], body: Sequence[Sequence[Element]]) -> None:
    """Mark a table, and name the column in each cell after the first, unless there are only two."""
    table.set("data-wide", "")
    if len(header) == 2:
        return
    for row in body:
        for name, cell in zip(header[1:], row[1:], strict=True):
            cell.set("data-column", text(name))


def text(cell: Element) -> str:
    """Return the text of a cell."""
    return "".join(cell.itertext()).strip()
