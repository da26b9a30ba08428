"""Latent directions in closed form (SeFa, arXiv 2007.06600)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.numerics.randomness import generator as rng

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
CHECKS = 4
MOVED = 64  # samples, to measure by how much images change
FAR = 10.0  # from the origin, where a nonlinearity shows
TOLERANCE = 1e-3

Generate = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Factorization:
    """Orthonormal directions (latent, latent), a row each, by decreasing eigenvalue (latent,) of A^T A.

    ``layers`` names the layers whose weights make up A.
    """

    directions: Tensor
    eigenvalues: Tensor
    layers: list[str]


@torch.no_grad()
def factorization(generator: nn.Module, latent: int, generate: Generate | None = None) -> Factorization:
    """Return the eigenvectors of A^T A, where x -> Ax + b is what the generator's first layer makes of noise x.

    The layers that read the noise are the first, and in BigGAN those that each take a piece of it. A is read off their
    outputs, so that neither a label's embedding, beside the noise, nor a normalized weight is in the way. ``generate``
    runs the generator on noise (N, latent), with labels already bound. Raises ValueError if no layer reads the noise.
    """
    base = next(generator.parameters())
    noise = torch.randn(CHECKS, latent, generator=rng(0, "affine")).to(base) * FAR
    basis = torch.cat([torch.zeros(1, latent).to(base), torch.eye(latent).to(base), noise])
    matrices: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            reading = linear_part(inputs[0].flatten(1).double(), noise.double())
            matrix = linear_part(output.flatten(1).double(), noise.double())
            # What a later layer reads is a mixture of the noise's numbers, not the numbers themselves.
            if matrix is not None and reading is not None and int((reading != 0).sum(0).max()) == 1:
                matrices[name] = matrix

        return hook

    hooks = [m.register_forward_hook(note(name)) for name, m in generator.named_modules() if isinstance(m, LAYERS)]
    try:
        (generate or generator)(basis)
    finally:
        for hook in hooks:
            hook.remove()
    if not matrices:
        raise ValueError("no linear or convolutional layer of this generator reads the noise itself")
    rows = torch.cat(list(matrices.values()), 1)
    eigenvalues, vectors = torch.linalg.eigh((rows @ rows.T).cpu())
    return Factorization(vectors.T.flip(0).float(), eigenvalues.flip(0).clamp(min=0).float(), list(matrices))


def linear_part(values: Tensor, noise: Tensor) -> Tensor | None:
    """Return A^T (latent, D) of values (1 + latent + N, D) = Ax + b at the origin, at the basis vectors and at noise.

    None if the values do not depend on the noise (N, latent), or not in this way.
    """
    latent = noise.shape[1]
    from_origin = values - values[0]
    matrix, checked = from_origin[1 : latent + 1], from_origin[latent + 1 :]
    scale = checked.norm()
    if scale == 0 or (checked - noise @ matrix).norm() > TOLERANCE * scale:
        return None
    return matrix


def moved(latents: Tensor, direction: Tensor, steps: Tensor) -> Tensor:
    """Return latents (N, S, latent): each of (N, latent) moved along a direction (latent,) by each of steps (S,)."""
    return latents[:, None] + steps[None, :, None] * direction


def change(generate: Callable[[Tensor], Tensor], latents: Tensor, directions: Tensor, step: float) -> Tensor:
    """Return the change of images along each of directions (K, latent): (K,), root mean square in [0, 2].

    Latents (N, latent) are moved by one step forth and one back.
    """
    differences = [
        generate(latents + step * direction) - generate(latents - step * direction) for direction in directions
    ]
    return torch.stack([difference.square().mean().sqrt() for difference in differences])


def plot_eigenvalues(factors: Factorization) -> Figure:
    """Draw the share of each direction in the sum of the eigenvalues."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axis = figure.subplots()
    share = factors.eigenvalues / factors.eigenvalues.sum()
    axis.bar(range(1, len(share) + 1), share)
    axis.axhline(1 / len(share), color="0.5", linestyle="--", label="all alike")
    axis.set_xlabel("direction")
    axis.set_ylabel("share of the eigenvalues")
    axis.legend()
    return figure


class LatentDirections:
    """Move ``samples`` samples along the first ``directions`` by up to ``reach`` standard deviations of the noise.

    A picture has a row for each sample and ``steps`` columns. The change along the first directions is compared with
    that along ``random`` others. Raises UserError for numbers that are too small.
    """

    def __init__(
        self, directions: int = 5, samples: int = 5, steps: int = 7, reach: float = 3.0, random: int = 20
    ) -> None:
        require_at_least(1, directions=directions, samples=samples)
        require_at_least(2, steps=steps, random=random)
        self.directions = directions
        self.samples = samples
        self.steps = steps
        self.reach = reach
        self.random = random

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write direction_K.png and eigenvalues.png; return eigenvalues and how much images change along each."""
        labels = subject.labels(1)

        def generate(noise: Tensor) -> Tensor:
            condition = () if labels is None else (labels.expand(len(noise)).to(noise.device),)
            images: Tensor = subject.generator(noise, *condition)
            return images

        factors = factorization(subject.generator, subject.latent, generate)
        few = min(self.directions, len(factors.directions))
        latents = subject.latents(MOVED)
        classes = subject.labels(self.samples)
        spread = float(latents.std())
        steps = torch.linspace(-self.reach, self.reach, self.steps) * spread
        for number, direction in enumerate(factors.directions[:few], start=1):
            path = moved(latents[: self.samples], direction, steps).flatten(0, 1)
            path_labels = None if classes is None else classes.repeat_interleave(self.steps)
            save(grid(subject.images(path, path_labels), self.steps), out / f"direction_{number}.png")
        save_figure(plot_eigenvalues(factors), out / "eigenvalues.png")

        others = torch.randn(self.random, subject.latent, generator=rng(subject.seed, "random directions"))
        unit = others / others.norm(dim=1, keepdim=True)
        along = change(subject.images, latents, factors.directions[:few], spread)
        anywhere = change(subject.images, latents, unit, spread)
        return {
            "layers": factors.layers,
            "share_of_eigenvalues": (factors.eigenvalues / factors.eigenvalues.sum())[:few].tolist(),
            "change_along_directions": along.tolist(),
            "change_along_random_directions": {"mean": float(anywhere.mean()), "std": float(anywhere.std())},
            "ratio_of_the_first": float(along[0] / anywhere.mean()),
        }
