"""Linear probe of a trained discriminator's features against simpler features: analysis=probe."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganexp.analysis.discriminators import Ask, Opponent, examples, settle
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, HeldOut, Subject, needs_images, require_at_least
from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import CachedReference, RealImages, concatenated
from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import noted_maps
from ganexp.representations.features import Features, patch_centroids, pixels, principal_components
from ganexp.representations.linear_probe import PUBLISHED, Labelled, Probe, plot_probes, probe

TRAINED, UNTRAINED, PIXELS = "discriminator", "an untrained one", "raw pixels"
HELD_OUT = 5  # one image in five, where nothing is there to be tested on
FEWEST = 10  # labelled images to learn from
SETTLED_ON = 1_000  # images, by an untrained discriminator's batch norms


@dataclass(frozen=True)
class Split:
    """Labelled images to learn from and to be tested on: positions in two sets, which may be the same one."""

    train: RealImages
    train_rows: Tensor
    test: RealImages
    test_rows: Tensor
    words: str

    def labelled(self, features: Callable[[RealImages], Tensor]) -> Labelled:
        """Return features and labels of both."""
        of_train, train_labels = features(self.train), self.train.labels()
        same = self.train is self.test
        of_test, test_labels = (of_train, train_labels) if same else (features(self.test), self.test.labels())
        assert train_labels is not None
        assert test_labels is not None
        train, test = self.train_rows, self.test_rows
        return Labelled(of_train[train], train_labels[train], of_test[test], test_labels[test])


def split(train: RealImages, held_out: HeldOut, most: int, seed: int) -> Split:
    """Return at most ``most`` labelled training images and as many test images.

    Held-out images without labels, or none, are replaced by one in five of the others.
    """
    learned = train.at_most(most, seed)
    if held_out.images is not None and held_out.images.labels() is not None:
        tested = held_out.images.at_most(most, seed)
        words = f"{learned.count:,} of {train.count:,} training images; tested on {tested.count:,} of {held_out.words}"
        return Split(learned, torch.arange(learned.count), tested, torch.arange(tested.count), words)
    order = torch.randperm(learned.count, generator=rng(seed, "probe's held out"))
    test, rest = order.tensor_split([max(1, learned.count // HELD_OUT)])
    words = f"{len(rest):,} training images; tested on {len(test):,} others of the same ({held_out.words})"
    return Split(learned, rest, learned, test, words)


class LinearProbe:
    """Train linear SVMs on at most ``images`` labelled images' features, and test them on at most as many others.

    ``labels`` are numbers of labels to use, besides all of them, with ``seeds`` random choices for each number.

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
        one, other = (maps_of(subject.opponent, subject.shape, label) for label in (0, 1))
        if not one:
            return "its discriminator has no feature maps"
        if not all(torch.equal(one[name], other[name]) for name in one):
            return "its discriminator reads the label beside the image: features that hold the answer prove nothing"
        if subject.labelled[0].labels() is None:
            return "the data have no labels: give labelled=FOLDER, with a folder for each class, or a data set's name"
        return None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write probe.png; return accuracies beside those of simpler features and published ones."""
        images = split(*subject.labelled, self.images, subject.seed)
        total, classes = len(images.train_rows), classes_in(images)
        counts: list[int | None] = [count for count in self.labels if classes <= count < total]
        probes = {}
        for name, extractor in extractors(subject, images.train).items():
            data = images.labelled(lambda real, of=extractor: features(of, real, subject.device))  # type: ignore[misc]
            probes[name] = probe(data, [*counts, None], range(subject.seed, subject.seed + self.seeds))
        save_figure(plot_probes(probes), out / "probe.png")
        return {
            "verdict": verdict(probes, len(images.test_rows)),
            "data": images.words,
            "left_out": [f"{count:,} labels of {total:,}" for count in self.labels if count not in counts],
            "accuracy": {name: described(fitted) for name, fitted in probes.items()},
            "published": [asdict(published) for published in PUBLISHED],
        }


def extractors(subject: Subject, images: RealImages) -> dict[str, Extractor]:
    """Return the feature extractors to compare, by name."""
    assert subject.opponent is not None
    untrained = settle(subject.untrained(subject.seed), examples(images, SETTLED_ON, subject.seed))
    return {
        TRAINED: Features(subject.opponent.network, for_any_label(subject.opponent.ask)),
        UNTRAINED: Features(untrained.network, for_any_label(untrained.ask)),
        PIXELS: pixels(),
        "PCA": principal_components(images, seed=subject.seed),
        "k-means": patch_centroids(images, seed=subject.seed),
    }


def features(extractor: Extractor, images: RealImages, device: torch.device) -> Tensor:
    """Return features (N, D) of images, those of discriminators from the cache."""
    if isinstance(extractor, Features):
        return CachedReference(images, extractor, device).features().cpu()
    return concatenated((extractor(batch)["features"] for batch in images.batches(256)), images.count)


def for_any_label(ask: Ask) -> Callable[[Tensor], object]:
    """Return what runs a discriminator whose maps do not depend on labels on images alone."""
    return lambda images: ask(images, torch.zeros(len(images), dtype=torch.long))


@torch.no_grad()
def maps_of(opponent: Opponent, shape: tuple[int, int, int], label: int) -> dict[str, Tensor]:
    """Return a discriminator's maps of two fixed random images of one label."""
    images = torch.rand(2, *shape, generator=rng(0, "maps")) * 2 - 1
    with noted_maps(opponent.network) as noted:
        opponent.ask(images, torch.full((2,), label))
    return noted


def classes_in(images: Split) -> int:
    """Return the number of classes.

    Raises UserError for one class only, and for fewer than ten images.
    """
    labels = images.train.labels()
    assert labels is not None
    if len(images.train_rows) < FEWEST:
        raise UserError(
            f"analysis=probe: {len(images.train_rows)} labelled images are too few to learn from: {FEWEST} are needed"
        )
    classes = len(labels[images.train_rows].unique())
    if classes < 2:
        raise UserError("analysis=probe: all images are of one class: there is nothing to tell apart")
    return classes


def described(fitted: Probe) -> Figures:
    """Return a probe as plain figures."""
    by_labels = {
        f"{accuracy.labels} labels": {"mean": accuracy.mean, "std": accuracy.std} for accuracy in fitted.accuracies
    }
    return {**by_labels, "dimensions": fitted.dimensions, "C": fitted.strength}


def verdict(probes: dict[str, Probe], tested: int) -> str:
    """Return in words whether the trained discriminator's features are better than pixels and than untrained ones.

    The error is that of the paired differences over seeds or, with all labels, the binomial error of ``tested`` images.
    """
    parts = []
    for place, mine in enumerate(probes[TRAINED].accuracies):
        for name in (PIXELS, UNTRAINED):
            other = probes[name].accuracies[place]
            gained = [a - b for a, b in zip(mine.values, other.values, strict=True)]
            gain = statistics.fmean(gained)
            if len(gained) > 1:
                error = statistics.stdev(gained) / math.sqrt(len(gained))
            else:
                error = math.sqrt((mine.mean * (1 - mine.mean) + other.mean * (1 - other.mean)) / tested)
            where = "above" if gain > 2 * error else "below" if gain < -2 * error else "not told from"
            parts.append(f"{where} {name} with {mine.labels:,} labels ({100 * gain:+.1f} ± {100 * error:.1f} points)")
    return "the discriminator's features are " + ", ".join(parts)
