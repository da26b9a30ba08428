"""Contact sheet of numbered samples, for choosing exemplars (arXiv 1511.06434, section 6.3.2)."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganexp.analysis.subject import MOST_SAMPLES, Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import as_image, save
from ganexp.errors import UserError

SMALLEST_TILE = 48
TEXT = 14
STRIP = TEXT + 10  # more space below a caption than above it, so that it visibly belongs to the image above


def contact_sheet(images: Tensor, captions: Sequence[str], columns: int) -> Image.Image:
    """Draw images (N, C, H, W) in [-1, 1] row by row, with captions below; small ones enlarged by an integer."""
    height, width = images.shape[2:]
    enlarge = max(1, -(-SMALLEST_TILE // min(height, width)))
    tile = (width * enlarge, height * enlarge)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (tile[0] + 2), rows * (tile[1] + STRIP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = number % columns * (tile[0] + 2), number // columns * (tile[1] + STRIP)
        sheet.paste(as_image(image).resize(tile, Image.Resampling.NEAREST), (left, top))
        pen.text((left + tile[0] / 2, top + tile[1] + 1), caption, fill="black", font=font, anchor="ma")
    return sheet


class ContactSheet:
    """Samples ``first`` to ``first + n - 1``, each with its number, and with its class if the generator is conditional.

    Raises UserError unless there are images and columns, and for numbers of samples out of range.
    """

    def __init__(self, n: int = 100, first: int = 0, columns: int = 10) -> None:
        require_at_least(1, n=n, columns=columns)
        require_at_least(0, first=first)
        if first + n > MOST_SAMPLES:
            raise UserError(f"first={first}: samples have the numbers 0 to {MOST_SAMPLES - 1:,}")
        self.n = n
        self.first = first
        self.columns = columns

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply to points, or None for images."""
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write contact_sheet.png; return the first and the last number."""
        numbers = range(self.first, self.first + self.n)
        labels = subject.labels_of(numbers)
        images = subject.images(subject.latents_of(numbers), labels)
        captions = [str(n) if labels is None else f"{n}: {labels[i]}" for i, n in enumerate(numbers)]
        save(contact_sheet(images, captions, self.columns), out / "contact_sheet.png")
        return {"first": numbers[0], "last": numbers[-1]}
