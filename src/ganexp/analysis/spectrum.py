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

FLOOR = 1e-12  # minimum power, so that the logarithm is finite at frequencies without power


@dataclass(frozen=True)
class Spectrum:
    """Mean power (R,) of images at radii 0 to R - 1, in cycles per image, and the number of frequencies at each.

    White noise of variance v has power v at every radius. By Parseval's identity, the sum of power times count is
    the mean over images and channels of the sum of the squared values.
    """

    power: Tensor
    counts: Tensor
    nyquist: int
    """The Nyquist frequency: the largest radius with frequencies in all directions; beyond are the corners."""

    @property
    def high(self) -> slice:
        """The radii of the upper octave: from half the Nyquist frequency to the Nyquist frequency."""
        return slice((self.nyquist + 1) // 2, self.nyquist + 1)


def power_spectrum(images: Tensor) -> Spectrum:
    """Return the radially averaged power spectrum of images (N, C, H, W), of any range.

    It is averaged over images and channels. If height and width differ, radii are in cycles per shorter side.
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
    """Return the root mean square difference of two spectra in the upper octave, in decibels."""
    a, b = (spectrum.power[spectrum.high].clamp(min=FLOOR).log10() for spectrum in (one, other))
    return 10 * math.sqrt(float((a - b).square().mean()))


def log_bias(fake: Spectrum, real: Spectrum) -> float:
    """Return the mean excess power of fakes over real images in the upper octave, in decibels."""
    a, b = (spectrum.power[spectrum.high].clamp(min=FLOOR).log10() for spectrum in (fake, real))
    return 10 * float((a - b).mean())


def plot_spectra(spectra: dict[str, Spectrum]) -> Figure:
    """Draw spectra by name up to the Nyquist frequency, with the upper octave shaded."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for name, spectrum in spectra.items():
        power = spectrum.power[: spectrum.nyquist + 1].clamp(min=FLOOR)
        axis.semilogy(range(len(power)), power, label=name, marker="." if len(power) < 20 else None)
    high = spectrum.high
    axis.axvspan(high.start, high.stop - 1, color="0.9", label="upper octave")
    axis.set_xlabel("spatial frequency (cycles per image)")
    axis.set_ylabel("power")
    axis.legend()
    return figure


class SpectrumAnalysis:
    """Compare the power spectra of ``images`` samples, as many training images and as many held-out images.

    Raises UserError for fewer than two images.
    """

    def __init__(self, images: int = 2_000) -> None:
        require_at_least(2, images=images)
        self.images = images

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        if not (reason := needs_images(subject)) and min(subject.shape[1:]) < 4:
            reason = "it draws images of less than 4x4 pixels, which have too few frequencies"
        return reason

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write spectrum.png; return distances in the upper octave, also that of two halves of the real images."""
        real = examples(subject.training, self.images, subject.seed).images
        fake = subject.images(subject.latents(self.images))
        spectra = {"real": power_spectrum(real), "fake": power_spectrum(fake)}
        figures = {
            "fake_distance_db": log_distance(spectra["fake"], spectra["real"]),
            "fake_excess_db": log_bias(spectra["fake"], spectra["real"]),
            "halves_of_real_distance_db": log_distance(power_spectrum(real[::2]), power_spectrum(real[1::2])),
        }
        held_out, description = subject.held_out
        if held_out is not None:
            spectra["held out"] = power_spectrum(examples(held_out, self.images, subject.seed).images)
            figures["held_out_distance_db"] = log_distance(spectra["held out"], spectra["real"])
        save_figure(plot_spectra(spectra), out / "spectrum.png")
        return {**figures, "held_out": description, "images": {"real": len(real), "fake": len(fake)}}
