"""Power spectra: closed forms."""

import math

import pytest
import torch

from ganexp.analysis.spectrum import log_bias, log_distance, plot_spectra, power_spectrum


def noise(n, size, variance=1.0):
    return torch.randn(n, 2, size, size, generator=torch.Generator().manual_seed(0)) * variance**0.5


def wave(size, cycles):
    return torch.cos(2 * math.pi * cycles * torch.arange(size, dtype=torch.float64) / size).expand(3, 1, size, size)


def test_white_noise_is_flat():
    spectrum = power_spectrum(noise(400, 16, variance=0.25))
    assert spectrum.power.sub(0.25).abs().max() < 0.02


@pytest.mark.parametrize("cycles", [1, 3, 6])
def test_a_sinusoid_has_power_at_its_frequency_alone(cycles):
    power = power_spectrum(wave(16, cycles)).power
    assert int(power.argmax()) == cycles
    others = torch.arange(len(power)) != cycles
    assert power[others].max() < 1e-20


@pytest.mark.parametrize("shape", [(5, 3, 16, 16), (4, 1, 7, 7), (3, 1, 8, 12)])
def test_parseval(shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    spectrum = power_spectrum(images)
    assert int(spectrum.counts.sum()) == shape[2] * shape[3]
    per_image = images.double().square().sum((2, 3)).mean()
    assert float((spectrum.power * spectrum.counts).sum()) == pytest.approx(float(per_image))


def test_ten_times_the_variance_is_ten_decibels():
    images = noise(10, 16)
    one, ten = power_spectrum(images), power_spectrum(images * math.sqrt(10))
    assert log_distance(ten, one) == pytest.approx(10)
    assert log_bias(ten, one) == pytest.approx(10)
    assert log_bias(one, ten) == pytest.approx(-10)
    assert log_distance(one, one) == 0


def test_blurring_removes_high_frequencies_and_spectra_are_plotted_by_name():
    images = noise(20, 16)
    blurred = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
    spectra = {"sharp": power_spectrum(images), "blurred": power_spectrum(blurred)}
    assert log_bias(spectra["blurred"], spectra["sharp"]) < -6
    (axis,) = plot_spectra(spectra).axes
    assert [line.get_label() for line in axis.lines] == ["sharp", "blurred"]
