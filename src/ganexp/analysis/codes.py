"""Effects of the codes of a generator's noise on its images (InfoGAN, arXiv 1606.03657, figure 2)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ganexp.analysis.latent_directions import change
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.noise import REACH, Codes

MEASURED = 64
"""Samples that figures are of."""


class CodeGrids:
    """Grids of ``samples`` samples, a row each: of every category, and of each continuous code in ``steps`` columns.

    Everything but the code stays as it is in the sample. Raises UserError for numbers below 1 or fewer than 2 steps.
    """

    def __init__(self, samples: int = 5, steps: int = 10, reach: float = REACH) -> None:
        require_at_least(1, samples=samples)
        require_at_least(2, steps=steps)
        self.samples = samples
        self.steps = steps
        self.reach = reach

    def reason_against(self, subject: Subject) -> str | None:
        """Return why it does not apply: the noise has no codes, or the generator draws points."""
        if not isinstance(subject.codes, Codes):
            return "its noise has no codes, as that of model=infogan has"
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write categories.png and continuous_K.png; return the change of images by each code, in [0, 2].

        That of the category is the root mean square difference of images of one noise and two categories; that of a
        continuous code is between its ends in training, -1 and 1, as that of a random direction of the rest of the
        noise is between one standard deviation to either side.
        """
        codes = subject.codes
        assert isinstance(codes, Codes)
        rows, measured = subject.latents(self.samples), subject.latents(MEASURED)
        every = torch.arange(codes.categories)
        of_categories = crossed(rows, every, codes.with_category)
        save(grid(subject.images(of_categories), codes.categories), out / "categories.png")
        values = torch.linspace(-self.reach, self.reach, self.steps)
        changes = []
        for number in range(codes.continuous):
            path = crossed(rows, values, partial(codes.with_number, number=number))
            save(grid(subject.images(path), self.steps), out / f"continuous_{number + 1}.png")
            low, high = (codes.with_number(measured, torch.full((MEASURED,), end), number) for end in (-1.0, 1.0))
            changes.append(rms(subject.images(high) - subject.images(low)))
        category = measured[:, : codes.categories].argmax(1)
        others = codes.with_category(measured, (category + 1) % codes.categories)
        rest = torch.zeros(1, subject.latent)
        rest[0, codes.width :] = 1 / (subject.latent - codes.width) ** 0.5
        return {
            "change_by_category": rms(subject.images(others) - subject.images(measured)),
            "change_by_continuous": changes,
            "change_by_the_rest": change(subject.images, measured, rest, 1.0).item(),
        }


def crossed(noise: Tensor, values: Tensor, with_values: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return noise (N * V, latent): each of (N, latent) with each of the values (V,) of a code in turn."""
    return with_values(noise.repeat_interleave(len(values), 0), values.repeat(len(noise)))


def rms(difference: Tensor) -> float:
    """Return the root mean square."""
    return float(difference.square().mean().sqrt())
