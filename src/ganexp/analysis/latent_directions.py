"""Closed-form factorization of latent directions (SeFa, arXiv 2007.06600)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ganexp.analysis.drawing import save_figure
from ganexp.analysis.projected_noise import projected_noise
from ganexp.analysis.style_space import in_style_space
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.layers.pixel_norm import PixelNorm
from ganexp.numerics.randomness import generator as rng

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
CHECKS = 4
MOVED = 64  # samples, to measure the change of images
FAR = 10.0  # scale of the noise on which layers are checked, large enough to reveal a nonlinearity
TOLERANCE = 1e-3

Generate = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Factorization:
    """Eigenvectors of A^T A as rows (latent, latent), by decreasing eigenvalue (latent,).

    ``layers`` are the names of the layers whose weights make up A.
    """

    directions: Tensor
    eigenvalues: Tensor
    layers: list[str]


@torch.no_grad()
def factorization(generator: nn.Module, latent: int, generate: Generate | None = None) -> Factorization:
    """Return the eigenvectors of A^T A, where x -> Ax + b is the generator's first layer as a function of noise x.

    In BigGAN, where several layers take a part of the noise each, A is that of all of them. A normalization of the
    noise itself, as in ProGAN, changes no direction and is left out. A is computed from the layers' outputs, so that
    label embeddings beside the noise and normalized weights need no special treatment.
    ``generate`` runs the generator on noise (N, latent), with labels already bound. Raises ValueError if no layer reads
    the noise.
    """
    base = next(generator.parameters())
    noise = torch.randn(CHECKS, latent, generator=rng(0, "affine")).to(base) * FAR
    basis = torch.cat([torch.zeros(1, latent).to(base), torch.eye(latent).to(base), noise])
    matrices: dict[str, Tensor] = {}

    def record(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            input_matrix = linear_part(inputs[0].flatten(1).double(), noise.double())
            matrix = linear_part(output.flatten(1).double(), noise.double())
            # The input of a later layer mixes the components of the noise.
            if matrix is not None and input_matrix is not None and int((input_matrix != 0).sum(0).max()) == 1:
                matrices[name] = matrix

        return hook

    def without(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return inputs[0] if inputs[0].data_ptr() == basis.data_ptr() else output

    hooks = [m.register_forward_hook(record(name)) for name, m in generator.named_modules() if isinstance(m, LAYERS)]
    hooks += [m.register_forward_hook(without) for m in generator.modules() if isinstance(m, PixelNorm)]
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

    None if the values do not depend on the noise (N, latent), or not affinely.
    """
    latent = noise.shape[1]
    from_origin = values - values[0]
    matrix, checked = from_origin[1 : latent + 1], from_origin[latent + 1 :]
    scale = checked.norm()
    if scale == 0 or (checked - noise @ matrix).norm() > TOLERANCE * scale:
        return None
    return matrix


def moved(latents: Tensor, direction: Tensor, steps: Tensor) -> Tensor:
    """Return latents (N, S, latent): each of (N, latent) moved along a direction (latent,) by the steps (S,)."""
    return latents[:, None] + steps[None, :, None] * direction


def change(generate: Callable[[Tensor], Tensor], latents: Tensor, directions: Tensor, step: float) -> Tensor:
    """Return the root mean square change (K,) in [0, 2] of images along each of directions (K, latent).

    It is the difference between images of latents (N, latent) moved one step forwards and one backwards.
    """
    differences = [
        generate(latents + step * direction) - generate(latents - step * direction) for direction in directions
    ]
    return torch.stack([difference.square().mean().sqrt() for difference in differences])


def plot_eigenvalues(factors: Factorization) -> Figure:
    """Draw each eigenvalue as a share of their sum."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axis = figure.subplots()
    share = factors.eigenvalues / factors.eigenvalues.sum()
    axis.bar(range(1, len(share) + 1), share)
    axis.axhline(1 / len(share), color="0.5", linestyle="--", label="uniform")
    axis.set_xlabel("direction")
    axis.set_ylabel("share of the sum of eigenvalues")
    axis.legend()
    return figure


class LatentDirections:
    """Move ``samples`` samples along the first ``directions`` by up to ``reach`` standard deviations of the noise.

    Where the generator maps noise to styles, samples are moved in their styles. A picture has a row for each sample and
    ``steps`` columns. With ``pictures``, a file of projected pictures, its rows are those pictures instead. The change
    of images is compared with that along ``random`` random directions. Raises UserError for numbers that are too small.
    """

    def __init__(
        self,
        directions: int = 5,
        samples: int = 5,
        steps: int = 7,
        reach: float = 3.0,
        random: int = 20,
        pictures: str | None = None,
    ) -> None:
        require_at_least(1, directions=directions, samples=samples)
        require_at_least(2, steps=steps, random=random)
        self.directions = directions
        self.samples = samples
        self.steps = steps
        self.reach = reach
        self.random = random
        self.pictures = pictures

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write direction_K.png and eigenvalues.png; return eigenvalues and the change of images along directions."""
        # A mapping of the noise is not linear, but the layers that read styles are.
        subject = in_style_space(subject)
        labels = subject.labels(1)

        def generate(noise: Tensor) -> Tensor:
            condition = () if labels is None else (labels.expand(len(noise), *labels.shape[1:]).to(noise.device),)
            images: Tensor = subject.generator(noise, *condition)
            return images

        reader = subject.reader
        factors = factorization(reader or subject.generator, subject.latent, generate if reader is None else None)
        count = min(self.directions, len(factors.directions))
        latents = subject.latents(MOVED)
        rows, classes = self._rows(subject, latents)
        spread = float(latents.std())
        steps = torch.linspace(-self.reach, self.reach, self.steps) * spread
        for number, direction in enumerate(factors.directions[:count], start=1):
            path = moved(rows, direction, steps).flatten(0, 1)
            path_labels = None if classes is None else classes.repeat_interleave(self.steps, 0)
            save(grid(subject.images(path, path_labels), self.steps), out / f"direction_{number}.png")
        save_figure(plot_eigenvalues(factors), out / "eigenvalues.png")

        others = torch.randn(self.random, subject.latent, generator=rng(subject.seed, "random directions"))
        unit = others / others.norm(dim=1, keepdim=True)
        along = change(subject.images, latents, factors.directions[:count], spread)
        along_random = change(subject.images, latents, unit, spread)
        return {
            "layers": factors.layers,
            "share_of_eigenvalues": (factors.eigenvalues / factors.eigenvalues.sum())[:count].tolist(),
            "change_along_directions": along.tolist(),
            "change_along_random_directions": {"mean": float(along_random.mean()), "std": float(along_random.std())},
            "ratio_of_the_first": float(along[0] / along_random.mean()),
        }

    def _rows(self, subject: Subject, latents: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the noise (samples, latent) of a picture's rows, and their labels."""
        if self.pictures is None:
            return latents[: self.samples], subject.labels(self.samples)
        projected = projected_noise(self.pictures, subject)
        numbers = range(min(self.samples, len(projected.latents)))
        return projected.latents_of(numbers), projected.labels_of(numbers)
