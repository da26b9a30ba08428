"""Reconstructions of real images by a model with an encoder, and how much its latents say of them."""

from pathlib import Path

import torch
from torch import Tensor

from ganexp.analysis.discriminators import examples
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.metrics.reference import RealImages

ACTIVE = 0.01
"""The least variance of a latent's mean over images, by which it counts as active (arXiv 1509.00519, section 5.2)."""
PEAK = 2.0
"""The range of values in [-1, 1]."""


def peak_signal_to_noise(images: Tensor, others: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of images (N, C, H, W) in [-1, 1], of the error over all of them."""
    error = (images.double() - others.double()).square().mean().clamp_min(1e-12)
    return float(10 * (PEAK**2 / error).log10())


def active_units(latents: Tensor) -> int:
    """Return the number of components of latents (N, D) that differ between images."""
    return int((latents.double().var(0) > ACTIVE).sum())


class Reconstruction:
    """Real images beside what the generator makes of their codes, held-out ones where there are any.

    ``images`` is the number of images of each set that figures are measured on, and ``shown`` the number that are
    drawn. Raises UserError for numbers that are too small.
    """

    def __init__(self, images: int = 1000, shown: int = 32) -> None:
        require_at_least(2, images=images)
        require_at_least(1, shown=shown)
        self.images = images
        self.shown = shown

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply: there is no encoder, or points are drawn."""
        return "this model has no encoder" if subject.encoder is None else needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write reconstruction.png; return the errors of training and of held-out images, and of re-encoded samples.

        ``mean_image`` is the error of the mean of the training images, which needs no code. ``latent_error`` is the
        squared difference of samples' latents and of the codes of these samples, relative to the latents' variance.
        """
        sets = {"training": subject.training, "held_out": subject.held_out.images}
        measured = {name: self._measured(subject, images) for name, images in sets.items() if images is not None}
        originals, reconstructions, _ = measured.get("held_out", measured["training"])
        pairs = torch.stack([originals[: self.shown], reconstructions[: self.shown]], 1).flatten(0, 1)
        save(grid(pairs, 8), out / "reconstruction.png")
        mean = measured["training"][0].mean(0, keepdim=True)
        latents = subject.latents(self.images)
        codes = subject.encodings(subject.images(latents))
        return {
            **{name: self._errors(subject, *parts[:2], mean) for name, parts in measured.items()},
            "held_out_images": subject.held_out.description,
            "active_units": active_units(measured["training"][2]),
            "latent": subject.latent,
            "latent_error": float((codes - latents).square().mean() / latents.var()),
        }

    def _measured(self, subject: Subject, images: RealImages) -> tuple[Tensor, Tensor, Tensor]:
        """Return originals and reconstructions (N, C, H, W) in [-1, 1], and codes (N, latent)."""
        originals = examples(images, self.images, subject.seed).images
        codes = subject.encodings(originals)
        return originals, subject.images(codes).clamp(-1, 1), codes

    def _errors(self, subject: Subject, originals: Tensor, reconstructions: Tensor, mean: Tensor) -> Figures:
        classes = (subject.outputs(images)["logits"].argmax(1) for images in (originals, reconstructions))
        return {
            "psnr": peak_signal_to_noise(reconstructions, originals),
            "l1": float((reconstructions - originals).abs().mean()) / PEAK,
            "mean_image_psnr": peak_signal_to_noise(mean.expand_as(originals), originals),
            "classes_kept": float(torch.eq(*classes).double().mean()),
        }
