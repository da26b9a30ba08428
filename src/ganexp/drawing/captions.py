"""Captions above the columns of a grid of samples."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TEXT = 11
STRIP = 16
"""Height in pixels of the captions above a grid."""
MARGIN = 4
LONGEST = 100

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def column_classes(labels: Sequence[int], columns: int) -> list[int] | None:
    """Return the class of each column, of samples whose labels repeat in order; None if a column has several."""
    return [labels[column % len(labels)] for column in range(columns)] if columns % len(labels) == 0 else None


def captioned(drawn: Image.Image, captions: Sequence[str]) -> Image.Image:
    """Return a grid with a caption above each column, cut off where it is too long."""
    width, font = drawn.width / len(captions), ImageFont.load_default(TEXT)
    sheet = Image.new("RGB", (drawn.width, drawn.height + STRIP), "white")
    sheet.paste(drawn, (0, STRIP))
    pen = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        text = fitted(caption, width - MARGIN, font)
        pen.text((width * (column + 0.5), STRIP / 2), text, fill="black", font=font, anchor="mm")
    return sheet


def fitted(caption: str, width: float, font: Font) -> str:
    """Return a caption on one line, cut off where it is wider than ``width`` pixels."""
    text = " ".join(caption[:LONGEST].split())
    length = len(text)
    while length > 1 and font.getlength(text[:length]) > width:
        length -= 1
    return text[:length]
