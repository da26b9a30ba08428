"""Linear probe of a trained discriminator's features against simpler features: analysis=probe."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganexp.analysis.discriminators import Opponent, RunDiscriminator, examples, recalibrate_batch_norms
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, HeldOut, Subject, needs_classes, needs_images, require_at_least
from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import CachedReference, RealImages, concatenated
from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import recorded_maps
from ganexp.representations.features import Features, patch_centroids, pixels, principal_components
from ganexp.representations.linear_probe import PUBLISHED, Labelled, Probe, plot_probes, probe

TRAINED, UNTRAINED, PIXELS = "discriminator", "an untrained one", "raw pixels"
HELD_OUT = 5  # one of five images is held out if there is no test set
MIN_IMAGES = 10  # labelled images for training
RECALIBRATED_ON = 1_000  # images, for the batch norms of an untrained discriminator


@dataclass(frozen=True)
class Split:
    """Labelled images for training and for testing: positions in two sets, which may be the same."""

    train: RealImages
    train_rows: Tensor
    test: RealImages
    test_rows: Tensor
    description: str

    def labelled(self, features: Callable[[RealImages], Tensor]) -> Labelled:
        """Return features and labels of the training and the test images."""
        train_features, train_labels = features(self.train), self.train.labels()
        same = self.train is self.test
        test_features = train_features if same else features(self.test)
        test_labels = train_labels if same else self.test.labels()
        assert train_labels is not None
        assert test_labels is not None
        train, test = self.train_rows, self.test_rows
        return Labelled(train_features[train], train_labels[train], test_features[test], test_labels[test])


def split(train: RealImages, held_out: HeldOut, most: int, seed: int) -> Split:
    """Return at most ``most`` labelled training images and at most as many test images.

    If there are no labelled held-out images, one of five training images is used for the test instead.
    """
    training = train.at_most(most, seed)
    if held_out.images is not None and held_out.images.labels() is not None:
        tested = held_out.images.at_most(most, seed)
        sizes = f"{training.count:,} of {train.count:,} training images; tested on {tested.count:,}"
        description = f"{sizes} of {held_out.description}"
        return Split(training, torch.arange(training.count), tested, torch.arange(tested.count), description)
    order = torch.randperm(training.count, generator=rng(seed, "probe's held out"))
    test, rest = order.tensor_split([max(1, training.count // HELD_OUT)])
    description = f"{len(rest):,} training images; tested on {len(test):,} others of them ({held_out.description})"
    return Split(training, rest, training, test, description)


class LinearProbe:
    """Train linear SVMs on the features of at most ``images`` labelled images, and test them on at most as many others.

    ``labels`` are numbers of labels to train with, besides all of them, with ``seeds`` random choices for each number.

    Raises UserError for numbers below 1.
    """

    def __init__(self, images: int = 10_000, labels: Sequence[int] = (1_000, 4_000), seeds: int = 3) -> None:
        if not all(isinstance(count, int) for count in labels):
            raise UserError(f"labels={list(labels)}: numbers of labels are expected, such as [1000,4000]")
        require_at_least(2, images=images)
        require_at_least(1, seeds=seeds, labels=min(labels, default=1))
        self.images = images
        self.labels = sorted(labels)
        self.seeds = seeds

    def reason_against(self, subject: Subject) -> str | None:
        """Return why there are no features to probe, or no labels, or None."""
        if reason := needs_images(subject):
            return reason
        if subject.opponent is None:
            return "it has no discriminator"
        one, other = (record_maps(subject.opponent, subject.shape, labels) for labels in labels_apart(subject))
        if not one:
            return "its discriminator has no feature maps"
        if not all(torch.equal(one[name], other[name]) for name in one):
            return "its discriminator takes the label as an input: its features contain the answer"
        if reason := needs_classes(subject.labelled[0]):
            return f"{reason}: give labelled=FOLDER, with a folder for each class, or a data set's name"
        return None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write probe.png; return the accuracies, those of simpler features, and published ones."""
        images = split(*subject.labelled, self.images, subject.seed)
        total, classes = len(images.train_rows), count_classes(images)
        counts: list[int | None] = [count for count in self.labels if classes <= count < total]
        probes = {}
        for name, extractor in extractors(subject, images.train).items():
            data = images.labelled(lambda real, of=extractor: features(of, real, subject.device))  # type: ignore[misc]
            probes[name] = probe(data, [*counts, None], range(subject.seed, subject.seed + self.seeds))
        save_figure(plot_probes(probes), out / "probe.png")
        return {
            "verdict": verdict(probes, len(images.test_rows)),
            "data": images.description,
            "left_out": [f"{count:,} labels of {total:,}" for count in self.labels if count not in counts],
            "accuracy": {name: as_figures(fitted) for name, fitted in probes.items()},
            "published": [asdict(published) for published in PUBLISHED],
        }


def extractors(subject: Subject, images: RealImages) -> dict[str, Extractor]:
    """Return the feature extractors to compare, by name."""
    assert subject.opponent is not None
    shown = examples(images, RECALIBRATED_ON, subject.seed)
    untrained = recalibrate_batch_norms(subject.untrained(subject.seed), shown)
    return {
        TRAINED: Features(subject.opponent.network, with_constant_label(subject.opponent.run)),
        UNTRAINED: Features(untrained.network, with_constant_label(untrained.run)),
        PIXELS: pixels(),
        "PCA": principal_components(images, seed=subject.seed),
        "k-means": patch_centroids(images, seed=subject.seed),
    }


def features(extractor: Extractor, images: RealImages, device: torch.device) -> Tensor:
    """Return features (N, D) of images; those of discriminators are cached."""
    if isinstance(extractor, Features):
        return CachedReference(images, extractor, device).features().cpu()
    return concatenated((extractor(batch)["features"] for batch in images.batches(256)), images.count)


def with_constant_label(run: RunDiscriminator) -> Callable[[Tensor], object]:
    """Return a function of images that runs a discriminator whose feature maps do not depend on the label."""
    return lambda images: run(images, torch.zeros(len(images), dtype=torch.long))


@torch.no_grad()
def labels_apart(subject: Subject) -> tuple[Tensor, Tensor]:
    """Return two batches (2, …) of labels: those of class 0 or no attributes, and of class 1 or all attributes."""
    labels = subject.labels(2)
    like = torch.zeros(2, dtype=torch.int64) if labels is None else labels
    return torch.zeros_like(like), torch.ones_like(like)


def record_maps(opponent: Opponent, shape: tuple[int, int, int], labels: Tensor) -> dict[str, Tensor]:
    """Return a discriminator's feature maps of two fixed random images with labels (2, …)."""
    images = torch.rand(2, *shape, generator=rng(0, "maps")) * 2 - 1
    with recorded_maps(opponent.network) as recorded:
        opponent.run(images, labels)
    return recorded


def count_classes(images: Split) -> int:
    """Return the number of classes of the training images.

    Raises UserError for a single class, and for fewer than ten images.
    """
    labels = images.train.labels()
    assert labels is not None
    if len(images.train_rows) < MIN_IMAGES:
        raise UserError(
            f"analysis=probe: {len(images.train_rows)} labelled images are too few to train on: {MIN_IMAGES} are needed"
        )
    classes = len(labels[images.train_rows].unique())
    if classes < 2:
        raise UserError("analysis=probe: all images are of one class: there is nothing to classify")
    return classes


def as_figures(fitted: Probe) -> Figures:
    """Return a probe as plain figures."""
    by_labels = {
        f"{accuracy.labels} labels": {"mean": accuracy.mean, "std": accuracy.std} for accuracy in fitted.accuracies
    }
    return {**by_labels, "dimensions": fitted.dimensions, "C": fitted.strength}


def verdict(probes: dict[str, Probe], tested: int) -> str:
    """Return a sentence on whether the trained discriminator's features beat raw pixels and untrained features.

    The standard error is that of the paired differences over seeds or, with all labels, the binomial one of ``tested``
    images.
    """
    parts = []
    for position, trained in enumerate(probes[TRAINED].accuracies):
        for name in (PIXELS, UNTRAINED):
            other = probes[name].accuracies[position]
            gains = [a - b for a, b in zip(trained.values, other.values, strict=True)]
            gain = statistics.fmean(gains)
            if len(gains) > 1:
                error = statistics.stdev(gains) / math.sqrt(len(gains))
            else:
                error = math.sqrt((trained.mean * (1 - trained.mean) + other.mean * (1 - other.mean)) / tested)
            order = "above" if gain > 2 * error else "below" if gain < -2 * error else "indistinguishable from"
            points = f"{100 * gain:+.1f} ± {100 * error:.1f} points"
            parts.append(f"{order} {name} with {trained.labels:,} labels ({points})")
    return "the discriminator's features are " + ", ".join(parts)
