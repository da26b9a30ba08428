"""Contact sheet of numbered samples, for choosing exemplars (arXiv 1511.06434, section 6.3.2)."""

from pathlib import Path

from ganexp.analysis.subject import MOST_SAMPLES, Figures, Subject, needs_images, require_at_least
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.pictures import save
from ganexp.errors import UserError


class ContactSheet:
    """Samples ``first`` to ``first + n - 1``, each with its number, and with its label if the generator is conditional.

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
        names = None if labels is None else [subject.label_name(label) for label in labels]
        captions = [str(n) if names is None else f"{n}: {names[i]}" for i, n in enumerate(numbers)]
        save(contact_sheet(images, captions, self.columns), out / "contact_sheet.png")
        return {"first": numbers[0], "last": numbers[-1]}
