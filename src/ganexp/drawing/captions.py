"""Captions above the columns of a grid of samples."""

import math
import re
from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

TEXT = 11
STRIP = 16
"""Height in pixels of the captions above a grid."""
MARGIN = 4
LONGEST = 100
LINES = 3
"""The largest number of lines of a caption."""
LARGEST_COLUMN, LARGEST_GRID = 160, 2_000
"""Widths in pixels to which a column, and a grid, may be enlarged for its captions."""
DOTS = "…"

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def column_classes(labels: Sequence[int], columns: int) -> list[int] | None:
    """Return the class of each column, of samples whose labels repeat in order; None if a column has several."""
    return [labels[column % len(labels)] for column in range(columns)] if columns % len(labels) == 0 else None


def captioned(drawn: Image.Image, captions: Sequence[str]) -> Image.Image:
    """Return a grid with a caption above each column, on up to `LINES` lines.

    The grid is enlarged for words that are wider than their column, and captions reach over columns without one.
    """
    font, rooms = ImageFont.load_default(TEXT), rooms_of(captions)
    needed = max((widest_word(caption, font) + MARGIN) / room for caption, room in zip(captions, rooms, strict=True))
    times = enlargement(needed, drawn.width / len(captions), len(captions))
    shown = drawn.resize((drawn.width * times, drawn.height * times), Image.Resampling.NEAREST)
    width = shown.width / len(captions)
    texts = [wrapped(caption, width * room - MARGIN, font) for caption, room in zip(captions, rooms, strict=True)]
    above = STRIP + (max(map(len, texts)) - 1) * (TEXT + 2)
    sheet = Image.new("RGB", (shown.width, shown.height + above), "white")
    sheet.paste(shown, (0, above))
    pen = ImageDraw.Draw(sheet)
    for column, lines in enumerate(texts):
        middle = (width * (column + 0.5), above / 2)
        pen.multiline_text(middle, "\n".join(lines), fill="black", font=font, anchor="mm", align="center", spacing=2)
    return sheet


def rooms_of(captions: Sequence[str]) -> list[int]:
    """Return how many columns each caption may be wide, centered above its own, without meeting another or the edge."""
    columns = range(len(captions))
    others = [column for column in columns if captions[column]]
    return [
        min([1 + 2 * min(column, columns[-1] - column), *(abs(column - other) for other in others if other != column)])
        for column in columns
    ]


def enlargement(needed: float, width: float, columns: int) -> int:
    """Return the whole number by which columns of a width become at least ``needed`` pixels wide, at least 1.

    It is smaller where a column would be wider than `LARGEST_COLUMN` or all of them wider than `LARGEST_GRID`.
    """
    return int(max(1, min(math.ceil(needed / width), LARGEST_COLUMN // width, LARGEST_GRID // (width * columns))))


def widest_word(caption: str, font: Font) -> float:
    """Return the width in pixels of a caption's widest word."""
    return max((font.getlength(word) for words in caption[:LONGEST].split() for word in joined(words)), default=0.0)


def wrapped(caption: str, width: float, font: Font) -> list[str]:
    """Return a caption on up to `LINES` lines of at most ``width`` pixels, where possible broken between words.

    A word that is wider is broken too, and three dots stand for what is left out.
    """
    lines = [""]
    for word in caption[:LONGEST].split():
        for number, part in enumerate(parts(word, width, font)):
            longer = f"{lines[-1]}{'' if number else ' '}{part}".strip()
            if lines[-1] and font.getlength(longer) > width:
                lines.append(part)
            else:
                lines[-1] = longer
    if len(lines) <= LINES and len(caption) <= LONGEST:
        return lines
    return [*lines[: LINES - 1], shortened(lines[min(LINES, len(lines)) - 1], width, font)]


def parts(word: str, width: float, font: Font) -> Iterator[str]:
    """Yield the parts of a word that are at most ``width`` pixels wide, or of a single letter."""
    for rest in joined(word):
        while rest:
            length = len(rest)
            while length > 1 and font.getlength(rest[:length]) > width:
                length -= 1
            yield rest[:length]
            rest = rest[length:]


def joined(word: str) -> list[str]:
    """Return the words of a set of attributes, such as «Smiling+», «Male» of «Smiling+Male»."""
    return re.split(r"(?<=\+)", word)


def shortened(line: str, width: float, font: Font) -> str:
    """Return the beginning of a line, and three dots, at most ``width`` pixels wide where possible."""
    while len(line) > 1 and font.getlength(f"{line}{DOTS}") > width:
        line = line[:-1]
    return f"{line}{DOTS}"
