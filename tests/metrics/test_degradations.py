"""The Fréchet distance in a classifier's features grows with every degradation of real images."""

import gzip
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torchvision.transforms.functional import gaussian_blur

from ganexp.data.memory import InMemory
from ganexp.metrics.classifier import classifier
from ganexp.metrics.frechet import frechet_distance
from ganexp.metrics.moments import moments, power_sums
from ganexp.metrics.reference import CachedReference, RealImages

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CPU = torch.device("cpu")


def noisy(images, labels, strength):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 255 * strength * noise).round().clamp(0, 255).byte()


def blurred(images, labels, sigma):
    return gaussian_blur(images, 7, sigma)


def without_classes(images, labels, number):
    return images[labels >= number]


def repeated(images, labels, distinct):
    return images[torch.arange(len(images)) % distinct]


DEGRADATIONS = {
    "noise": (noisy, (0.05, 0.1, 0.2, 0.4)),
    "blur": (blurred, (0.4, 0.6, 0.9, 1.5)),
    "missing classes": (without_classes, (1, 3, 5, 8)),
    "repeated images": (repeated, (300, 100, 30, 10)),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for all tests, so that each classifier is trained once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANEXP_CACHE", str(folder))
        yield


def distances_of(images, labels, name, degradation, strengths):
    """Distances of the odd images, degraded, from the even ones; the first is that of whole images."""
    real = RealImages(InMemory(images[::2], labels[::2]), name)
    extractor = classifier(real, CPU)
    reference = CachedReference(real, extractor, CPU).moments()

    def distance(fake):
        sums = sum(power_sums(extractor(batch)["features"]) for batch in fake.split(500))
        return frechet_distance(moments(sums), reference)

    images, labels = images[1::2], labels[1::2]
    return [distance(images)] + [distance(degradation(images, labels, strength)) for strength in strengths]


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_distances_of_digits_grow(cache, kind):
    data = load_digits()
    images = torch.from_numpy(data.images * (255 / 16)).round().byte().unsqueeze(1)
    distances = distances_of(images, torch.from_numpy(data.target), "digits", *DEGRADATIONS[kind])
    assert distances == sorted(distances)
    assert distances[-1] > 10 * distances[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_distances_of_mnist_grow(cache, kind):
    raw = SHARED / "MNIST" / "raw"
    if not (raw / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"no MNIST test files in {raw}")
    pixels = gzip.decompress((raw / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    classes = gzip.decompress((raw / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(-1, 1, 28, 28)
    labels = torch.frombuffer(bytearray(classes), dtype=torch.uint8).long()
    distances = distances_of(images, labels, "MNIST", *DEGRADATIONS[kind])
    assert distances == sorted(distances)
    assert distances[-1] > 10 * distances[0]
