"""Power spectra of real and fake images by spatial frequency (arXiv 2003.01826, section 3)."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.analysis.discriminators import examples
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least

FLOOR = 1e-12  # of a power, so that the logarithm of an empty frequency is finite


@dataclass(frozen=True)
class Spectrum:
    """Mean power (R,) of images at the radii 0 to R - 1, in cycles an image, and how many frequencies each has.

    White noise of variance v has the power v at every radius. The power of each radius times its count sums up to the
    mean of the images' squared values, which is Parseval's identity.
    """

    power: Tensor
    counts: Tensor
    nyquist: int
    """The radius up to which a grid of pixels holds all directions; beyond are the corners."""

    @property
    def high(self) -> slice:
        """The radii of the upper octave: from half of the Nyquist frequency up to it."""
        return slice((self.nyquist + 1) // 2, self.nyquist + 1)


def power_spectrum(images: Tensor) -> Spectrum:
    """Return the radially averaged power spectrum of images (N, C, H, W) in [-1, 1], or in any other unit.

    It is the mean over images and channels. Images of different height and width are averaged by cycles a pixel.
    """
    height, width = images.shape[-2:]
    power = torch.fft.fft2(images.double(), norm="ortho").abs().square().mean((0, 1))
    side = min(height, width)
    rows, columns = (torch.fft.fftfreq(size, dtype=torch.float64) * side for size in (height, width))
    radii = torch.hypot(rows[:, None], columns[None]).round().long().flatten()
    counts = torch.bincount(radii)
    sums = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, radii, power.flatten())
    return Spectrum(sums / counts.clamp(min=1), counts, side // 2)


def log_distance(one: Spectrum, other: Spectrum) -> float:
    """Return the root mean square difference of two spectra's upper octaves, in decibels."""
    a, b = (spectrum.power[spectrum.high].clamp(min=FLOOR).log10() for spectrum in (one, other))
    return 10 * math.sqrt(float((a - b).square().mean()))


def log_bias(fake: Spectrum, real: Spectrum) -> float:
    """Return how much more power fakes have than real images in the upper octave, in decibels on average."""
    a, b = (spectrum.power[spectrum.high].clamp(min=FLOOR).log10() for spectrum in (fake, real))
    return 10 * float((a - b).mean())


def plot_spectra(spectra: dict[str, Spectrum]) -> Figure:
    """Draw spectra by name, up to the Nyquist frequency, the upper octave shaded."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for name, spectrum in spectra.items():
        power = spectrum.power[: spectrum.nyquist + 1].clamp(min=FLOOR)
        axis.semilogy(range(len(power)), power, label=name, marker="." if len(power) < 20 else None)
    high = spectrum.high
    axis.axvspan(high.start, high.stop - 1, color="0.9", label="upper octave")
    axis.set_xlabel("spatial frequency, cycles an image")
    axis.set_ylabel("power")
    axis.legend()
    return figure


class SpectrumAnalysis:
    """Compare the power spectrum of ``images`` samples with that of as many real images, held-out ones too.

    Raises UserError for fewer than two.
    """

    def __init__(self, images: int = 2_000) -> None:
        require_at_least(2, images=images)
        self.images = images

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        if not (reason := needs_images(subject)) and min(subject.shape[1:]) < 4:
            reason = "it draws images of less than 4x4 pixels, which have no frequencies to speak of"
        return reason

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write spectrum.png; return distances in the upper octave, and that of two halves of the real images."""
        real = examples(subject.training, self.images, subject.seed).images
        fake = subject.images(subject.latents(self.images))
        spectra = {"real": power_spectrum(real), "fake": power_spectrum(fake)}
        figures = {
            "fake_distance_db": log_distance(spectra["fake"], spectra["real"]),
            "fake_excess_db": log_bias(spectra["fake"], spectra["real"]),
            "halves_of_real_distance_db": log_distance(power_spectrum(real[::2]), power_spectrum(real[1::2])),
        }
        held_out, words = subject.held_out
        if held_out is not None:
            spectra["held out"] = power_spectrum(examples(held_out, self.images, subject.seed).images)
            figures["held_out_distance_db"] = log_distance(spectra["held out"], spectra["real"])
        save_figure(plot_spectra(spectra), out / "spectrum.png")
        return {**figures, "held_out": words, "images": {"real": len(real), "fake": len(fake)}}
