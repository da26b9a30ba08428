"""Comparison of an exported file with the model, on a few inputs."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ganexp.errors import UserError
from ganexp.export.formats import Run
from ganexp.export.portable import Portable, as_tuple

BATCHES = (1, 3, 4)
INPUTS = sum(BATCHES)


def examples(portable: Portable) -> Iterator[dict[str, Tensor]]:
    """Yield eight inputs in batches of several sizes and, where height and width are free, of several shapes."""
    for number, batch in enumerate(BATCHES):
        yield portable.example(number, batch, taller=number, wider=2 * (number % 2))


@torch.no_grad()
def expected(portable: Portable, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """Return the model's own outputs; raises UserError if they are not finite."""
    outputs = as_tuple(portable.head(**inputs))
    if not all(output.isfinite().all() for output in outputs):
        raise UserError("the network's outputs are not finite: its weights are broken, so nothing was exported")
    return outputs


@torch.no_grad()
def largest_difference(portable: Portable, run: Run) -> float:
    """Return the largest difference between a file's outputs and the model's on eight inputs.

    It is absolute for images in [-1, 1], and relative to the largest value of outputs that go beyond.
    """
    differences = []
    for inputs in examples(portable):
        for ours, theirs in zip(expected(portable, inputs), run(inputs), strict=True):
            if ours.shape != theirs.shape:
                return float("inf")
            differences.append(float((ours - theirs).abs().max()) / max(1.0, float(ours.abs().max())))
    return float("nan") if any(value != value for value in differences) else max(differences)
