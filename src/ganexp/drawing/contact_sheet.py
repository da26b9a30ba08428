"""Contact sheet: images row by row, with a caption below each."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganexp.drawing.captions import MARGIN, enlargement, widest_word, wrapped
from ganexp.drawing.pictures import as_image

SMALLEST_TILE = 48
GAP = 2
"""Columns of white pixels between images."""
TEXT = 14
STRIP = TEXT + 10  # more space below a caption than above it, so that it visibly belongs to the image above


def contact_sheet(images: Tensor, captions: Sequence[str], columns: int, smallest: int = SMALLEST_TILE) -> Image.Image:
    """Draw images (N, C, H, W) in [-1, 1] row by row, with captions below.

    Images below ``smallest`` pixels, or narrower than the widest word of a caption, are enlarged by an integer.
    Captions that are wider than an image go on in further lines, and are cut off where these do not suffice.
    """
    height, width = images.shape[2:]
    font = ImageFont.load_default(TEXT)
    widest = max((widest_word(caption, font) for caption in captions), default=0.0)
    enlarge = max(-(-smallest // min(height, width)), enlargement(widest + MARGIN, width, columns))
    tile = (width * enlarge, height * enlarge)
    rows = -(-len(images) // columns)
    texts = [wrapped(caption, tile[0] + GAP - MARGIN, font) for caption in captions]
    strip = STRIP + (max(map(len, texts), default=1) - 1) * TEXT
    sheet = Image.new("RGB", (columns * (tile[0] + GAP), rows * (tile[1] + strip)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (image, lines) in enumerate(zip(images, texts, strict=True)):
        left, top = number % columns * (tile[0] + GAP), number // columns * (tile[1] + strip)
        sheet.paste(as_image(image).resize(tile, Image.Resampling.NEAREST), (left, top))
        middle = (left + tile[0] / 2, top + tile[1] + 1)
        pen.multiline_text(middle, "\n".join(lines), fill="black", font=font, anchor="ma", align="center", spacing=1)
    return sheet
