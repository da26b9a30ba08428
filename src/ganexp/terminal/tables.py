"""Tables in the terminal that break lines between words only."""

from collections.abc import Collection, Sequence

from rich.box import HEAVY_HEAD, Box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from ganexp.terminal.text import printable

Padding = tuple[int, int, int, int]


def table_of_words(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    text_columns: int | None = None,
    unbroken: Collection[str] = (),
    box: Box = HEAVY_HEAD,
    padding: Padding = (0, 1, 0, 1),
) -> Table | Text:
    """Return rows with a cell for each heading as a table that fits into the console with every word whole.

    Columns from ``text_columns`` on are numbers, and those ``unbroken`` have no line breaks. Where even the longest
    words side by side are wider than the console, each row is a list of its headings and cells.
    """
    shown = [[printable(cell) for cell in line] for line in (headings, *rows)]
    columns = list(zip(*shown, strict=True))
    natural = [max(map(line_width, column)) for column in columns]
    least = [
        width if column[0] in unbroken else max(map(longest_word, column))
        for column, width in zip(columns, natural, strict=True)
    ]
    margins = margins_of(console, len(columns), box, padding)
    widths = fitting_widths(natural, least, console.width - margins)
    if widths is None:
        return Text(as_lists(printable(title), shown[0], shown[1:]))
    table = Table(title=Text(printable(title)), title_justify="left", box=box, padding=padding)
    for number, (heading, width) in enumerate(zip(shown[0], widths, strict=True)):
        justify: JustifyMethod = "left" if text_columns is None or number < text_columns else "right"
        table.add_column(Text(heading), justify=justify, overflow="fold", width=width)
    for row in shown[1:]:
        table.add_row(*map(Text, row))
    return table


def margins_of(console: Console, columns: int, box: Box, padding: Padding) -> int:
    """Return the width of a table of empty columns of the width 1, without those."""
    table = Table(box=box, padding=padding)
    for _ in range(columns):
        table.add_column("", width=1)
    wide = console.options.update(max_width=10 * columns + 10)
    return console.measure(table, options=wide).maximum - columns


def fitting_widths(natural: Sequence[int], least: Sequence[int], available: int) -> list[int] | None:
    """Return the widths of columns that fit, the widest ones narrowed first; None if the ``least`` widths do not."""
    if sum(least) > available:
        return None
    widths = list(natural)
    while sum(widths) > available:
        reducible = [number for number, width in enumerate(widths) if width > least[number]]
        widths[max(reducible, key=lambda number: widths[number])] -= 1
    return widths


def as_lists(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows below each other, each as lines of a heading and a cell; empty cells are left out."""
    width = max(map(cell_len, headings))
    blocks = (
        "\n".join(f"  {name:<{width}}  {cell}" for name, cell in zip(headings, row, strict=True) if cell)
        for row in rows
    )
    return "\n\n".join([title, *blocks]) + "\n"


def line_width(text: str) -> int:
    """Return the width of the longest line in cells of the terminal."""
    return max(map(cell_len, text.split("\n")))


def longest_word(text: str) -> int:
    """Return the width of the longest word in cells of the terminal."""
    return max(map(cell_len, text.split()), default=0)
