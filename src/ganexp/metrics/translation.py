"""Scores of translated images against their targets, their inputs or the images of a domain."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torchmetrics import Metric

from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.protocol import versions
from ganexp.metrics.reference import Images, RealImages
from ganexp.metrics.score import Score
from ganexp.metrics.scoring import (
    ExtractorFactory,
    Measurement,
    RealSet,
    Result,
    Scoring,
    build_extractors,
    names_of,
    with_suffix,
)
from ganexp.numerics.flags import SCORES
from ganexp.numerics.float64 import float64_device
from ganexp.numerics.pixels import eight_bits

Pair = tuple[str, str]
"""The names of the images and of the images they are compared with."""

DISTRIBUTIONS: dict[str, Pair] = {"": ("a2b", "image"), "b2a": ("b2a", "input"), "input": ("input", "image")}
"""Pairs of images whose feature distributions are compared, by the suffix of the score's name."""


class Domain(Images, Protocol):
    """The images of one domain."""

    def checksum(self) -> str:
        """Return a checksum of all images."""
        ...


class TestImages(Protocol):
    """Test images: inputs to translate and their targets."""

    inputs: Domain
    targets: Domain
    aligned: bool
    """Whether an input and its target show the same subject."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Comparison:
    """A torchmetrics Metric of pairs of images in [0, 1], (N, C, H, W).

    ``pairs`` maps the suffix of the score's name to the names of the compared images; pairs that the model does not
    produce are skipped. ``aligned`` requires that inputs and targets show the same subjects.
    """

    score: str
    metric: Callable[[], Metric]
    pairs: Mapping[str, Sequence[str]]
    aligned: bool = True

    def settings(self) -> dict[str, Any]:
        """Return the metric's own part of the protocol."""
        return dict(getattr(self.metric, "keywords", {}))

    def names(self, made: Collection[str]) -> list[str]:
        """Return the names of its scores of a model that makes the images named."""
        return [with_suffix(self.score, suffix) for suffix, (image, _) in self.pairs.items() if image in made]


@dataclass(frozen=True)
class Column:
    """One comparison of one pair."""

    comparison: Comparison
    suffix: str
    pair: Pair
    metric: Metric


class TranslationScoring:
    """Computes every measurement of translated test images and of model-free baselines in one pass.

    ``update`` expects "input", "image", the model's outputs by their ``output_names``, and ``baselines``. ``fakes``
    describes the model for the protocol, ``reference`` the test images. At most ``real_images`` images of a domain
    serve as reference for feature metrics. Inputs of other channels than targets are not compared with them.
    Raises UserError for a measurement that these test images or the model's outputs do not allow.
    """

    def __init__(
        self,
        measurements: Iterable[Comparison | Measurement],
        factories: Mapping[str, ExtractorFactory],
        tests: TestImages,
        output_names: Sequence[str],
        baselines: Sequence[str],
        fakes: Mapping[str, Any],
        reference: Mapping[str, Any],
        real_images: int | None,
        device: torch.device,
    ) -> None:
        measurements = list(measurements)
        self.count = len(tests)
        self.targets = tests.targets
        self.names = {"input", "image", *output_names, *baselines}
        are_alike = channels_of(tests.inputs) == channels_of(tests.targets)
        self.incomparable = set() if are_alike else {"input", *baselines}
        self.output_names = output_names
        self.fakes = fakes
        self.device = device
        self.metric_device = float64_device(device)
        self.reference = {**reference, "images": self.count, "checksum": tests.targets.checksum()}
        self.reference["inputs"] = tests.inputs.checksum()
        comparisons = [measurement for measurement in measurements if isinstance(measurement, Comparison)]
        self.columns = [column for comparison in comparisons for column in self._columns(comparison, tests.aligned)]
        self.extractors: dict[str, Extractor] = {}
        self.distributions: dict[str, tuple[Pair, Scoring]] = {}
        feature_measurements = [measurement for measurement in measurements if isinstance(measurement, Measurement)]
        if feature_measurements:
            self._compare_features(feature_measurements, factories, tests, reference, real_images)

    def rehearse(self) -> None:
        """Compare a few real images, so that what cannot be scored is found before images are made.

        Raises UserError for images that are too small for a metric, and as ``Scoring.rehearse`` does.
        """
        for column in self.columns:
            few = eight_bits(self.targets.__getitems__([0])["image"]).to(self.metric_device).float() / 255
            column.metric.update(few, few)
            column.metric.reset()
        for _, scoring in self.distributions.values():
            scoring.rehearse()

    def update(self, images: Mapping[str, Tensor], numbers: Tensor) -> None:
        """Update with images, uint8 (N, C, H, W), by name, of the test images with these numbers (N,)."""
        for column in self.columns:
            made, against = (images[name].to(self.metric_device).float() / 255 for name in column.pair)
            column.metric.update(made, against)
        for (made_name, _), scoring in self.distributions.values():
            scoring.update(images[made_name], numbers)

    def compute(self) -> list[Result]:
        """Return every score over all ranks and reset."""
        # Feature metrics first: best.ckpt follows the first score, and an identity model has the best cycle error.
        results = [
            _named(result, suffix)
            for suffix, (_, scoring) in self.distributions.items()
            for result in scoring.compute()
        ]
        for column in self.columns:
            results.append(self._result(column, float(column.metric.compute())))
            column.metric.reset()
        return results

    def _columns(self, comparison: Comparison, aligned: bool) -> list[Column]:
        if comparison.aligned and not aligned:
            raise UserError(
                f"metric {comparison.score} compares a translated image with its target, but these test images are "
                "unpaired: inputs and targets show different subjects; choose another metric, such as "
                "metric=[kid_classifier]"
            )
        columns = [
            Column(
                comparison, suffix, (made, against), comparison.metric().to(self.metric_device).set_dtype(torch.float64)
            )
            for suffix, (made, against) in comparison.pairs.items()
            if {made, against} <= self.names and not (against == "image" and made in self.incomparable)
        ]
        if not columns:
            raise UserError(
                f"metric {comparison.score} compares {' or '.join(made for made, _ in comparison.pairs.values())}, "
                "which this model does not generate; leave it out, or choose a model that translates in both "
                "directions: model=cyclegan"
            )
        return columns

    def _compare_features(
        self,
        measurements: Sequence[Measurement],
        factories: Mapping[str, ExtractorFactory],
        tests: TestImages,
        reference: Mapping[str, Any],
        real_images: int | None,
    ) -> None:
        domains = {"image": tests.targets, "input": tests.inputs}
        pairs = {
            suffix: pair
            for suffix, pair in DISTRIBUTIONS.items()
            if set(pair) <= self.names and not (pair[1] == "image" and pair[0] in self.incomparable)
        }
        for domain in dict.fromkeys(against for _, against in pairs.values()):
            real = RealImages(domains[domain], domains[domain].checksum(), real_images)
            extractors = build_extractors(measurements, factories, real, self.device)
            self.extractors = self.extractors or extractors
            for suffix, (made, against) in pairs.items():
                if against == domain:
                    sets = [RealSet(real, reference)]
                    counted = [self.count], self._source(made), self.device
                    self.distributions[suffix] = (made, against), Scoring(measurements, extractors, sets, *counted)

    def _source(self, name: str) -> dict[str, Any]:
        return dict(self.fakes) if name in self.output_names else {"source": f"no model: {name}"}

    def _result(self, column: Column, value: float) -> Result:
        name = with_suffix(column.comparison.score, column.suffix)
        made, _ = column.pair
        protocol = {
            "metric": name,
            "features": {},
            "reference": self.reference,
            "fakes": {"samples": self.count, **self._source(made), "values": "uint8 from [-1, 1]"},
            "numerics": SCORES,
            "versions": versions(),
            "settings": column.comparison.settings(),
        }
        return Result(name, Score(value), bool(column.metric.higher_is_better), protocol)


def model_scores(measurements: Iterable[Comparison | Measurement], made: Collection[str]) -> list[str] | None:
    """Return the names of the scores of a model that makes the images named, without those of the baselines.

    None if a measurement does not tell its names beforehand.
    """
    measurements = list(measurements)
    features = names_of(measurement for measurement in measurements if isinstance(measurement, Measurement))
    if features is None:
        return None
    suffixes = [suffix for suffix, (image, _) in DISTRIBUTIONS.items() if image in made]
    comparisons = [measurement for measurement in measurements if isinstance(measurement, Comparison)]
    return [
        *(with_suffix(name, suffix) for suffix in suffixes for name in features),
        *(name for comparison in comparisons for name in comparison.names(made)),
    ]


def _named(result: Result, suffix: str) -> Result:
    name = with_suffix(result.name, suffix)
    return replace(result, name=name, protocol={**result.protocol, "metric": name})


def channels_of(domain: Images) -> int:
    """Return the number of channels of a domain's images."""
    return int(domain.__getitems__([0])["image"].shape[1])
