"""Captions above the columns of a grid of samples."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TEXT = 11
STRIP = 16
"""Height in pixels of the captions above a grid."""
MARGIN = 4
LONGEST = 100
LINES = 3
"""The largest number of lines of a caption."""

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def column_classes(labels: Sequence[int], columns: int) -> list[int] | None:
    """Return the class of each column, of samples whose labels repeat in order; None if a column has several."""
    return [labels[column % len(labels)] for column in range(columns)] if columns % len(labels) == 0 else None


def captioned(drawn: Image.Image, captions: Sequence[str]) -> Image.Image:
    """Return a grid with a caption above each column, on up to `LINES` lines and cut off where it is too long."""
    width, font = drawn.width / len(captions), ImageFont.load_default(TEXT)
    texts = [wrapped(caption, width - MARGIN, font) for caption in captions]
    above = STRIP + (max(map(len, texts)) - 1) * (TEXT + 2)
    sheet = Image.new("RGB", (drawn.width, drawn.height + above), "white")
    sheet.paste(drawn, (0, above))
    pen = ImageDraw.Draw(sheet)
    for column, lines in enumerate(texts):
        middle = (width * (column + 0.5), above / 2)
        pen.multiline_text(middle, "\n".join(lines), fill="black", font=font, anchor="mm", align="center", spacing=2)
    return sheet


def wrapped(caption: str, width: float, font: Font) -> list[str]:
    """Return a caption on up to `LINES` lines, broken between words; what is wider than ``width`` pixels is cut off."""
    lines = [""]
    for word in caption[:LONGEST].split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width and len(lines) < LINES:
            lines.append(word)
        else:
            lines[-1] = longer
    return [fitted(line, width, font) for line in lines]


def fitted(caption: str, width: float, font: Font) -> str:
    """Return a caption on one line, cut off where it is wider than ``width`` pixels."""
    text = " ".join(caption[:LONGEST].split())
    length = len(text)
    while length > 1 and font.getlength(text[:length]) > width:
        length -= 1
    return text[:length]
