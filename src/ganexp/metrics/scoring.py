"""Several scores from one pass over the samples and one feature extraction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.protocol import Protocol, differences, versions
from ganexp.metrics.reference import CachedReference, RealImages
from ganexp.metrics.score import Reference, SampleMetric, Score
from ganexp.numerics.flags import SCORES
from ganexp.numerics.float64 import float64_device

ExtractorFactory = Callable[[RealImages, torch.device], Extractor]

STANDARD_FEATURES = "inception"
REHEARSED = 2
"""Images that show what an extractor gives."""


@dataclass(frozen=True)
class Measurement:
    """A metric in the features of an extractor; ``extractor`` None for metrics of the samples themselves.

    ``features_in_name`` False is for a score that is defined in its features, as CMMD is in CLIP's.
    """

    score: str
    metric: Callable[[Reference | None, int], SampleMetric]
    extractor: str | None = None
    features_in_name: bool = True

    @property
    def name(self) -> str:
        """The score's name, with the extractor as suffix unless the features are the standard ones."""
        if self.extractor in (None, STANDARD_FEATURES) or not self.features_in_name:
            return self.score
        return f"{self.score}_{self.extractor.removeprefix(f'{STANDARD_FEATURES}_')}"

    @property
    def names(self) -> list[str] | None:
        """The names of its results, None if its metric does not tell them before it has any."""
        metric = getattr(self.metric, "func", self.metric)
        parts: Sequence[str] | None = getattr(metric, "parts", None)
        return None if parts is None else [with_suffix(self.name, part) for part in parts]


@dataclass(frozen=True)
class RealSet:
    """Reference images and their entries in the protocol."""

    images: RealImages
    description: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """A score with its name, its direction and its protocol."""

    name: str
    score: Score
    higher_is_better: bool
    protocol: Protocol


@dataclass(frozen=True)
class Column:
    """One measurement of the first ``samples`` fakes against one reference set."""

    measurement: Measurement
    metric: SampleMetric
    samples: int
    protocol: Protocol


class Scoring:
    """Computes every measurement, for every reference set and number of samples, in one pass.

    ``extractors`` maps each extractor name used by the measurements to its extractor. ``fakes`` is the protocol's
    part about the samples. Raises UserError for a measurement that needs more images than there are.
    """

    def __init__(
        self,
        measurements: Iterable[Measurement],
        extractors: Mapping[str, Extractor],
        real_sets: Sequence[RealSet],
        samples: Sequence[int],
        fakes: Mapping[str, Any],
        device: torch.device,
    ) -> None:
        self.extractors = extractors
        self.real_sets = real_sets
        self.device = device
        self.metric_device = float64_device(device)
        references: dict[tuple[str | None, int], CachedReference] = {
            (name, number): CachedReference(real.images, extractor, device)
            for name, extractor in extractors.items()
            for number, real in enumerate(real_sets)
        }
        columns = [
            self._column(measurement, references.get((measurement.extractor, number)), real, n, fakes)
            for measurement in measurements
            for number, real in enumerate(real_sets)
            for n in samples
        ]
        # Metrics without a reference would otherwise be repeated for every reference set.
        self.columns = [
            column
            for position, column in enumerate(columns)
            if all(differences(column.protocol, earlier.protocol) for earlier in columns[:position])
        ]

    def rehearse(self) -> None:
        """Apply the extractors to a few real images, so that what cannot be scored is found before images are made.

        Raises UserError for a metric of logits whose extractor gives none, and what a user's own network raises.
        """
        images = self.real_sets[0].images
        few = images.at(torch.arange(min(REHEARSED, images.count))).to(self.device)
        outputs = {name: extractor(few) for name, extractor in self.extractors.items()}
        for column in self.columns:
            name, wanted = column.measurement.extractor, column.metric.output
            if name is not None and wanted not in outputs[name]:
                raise UserError(
                    f"metric {column.measurement.name} needs {wanted}, and extractor {name} gives only "
                    f"{', '.join(outputs[name])}: choose another metric, or a network that returns {wanted}"
                )

    def update(self, images: Tensor, numbers: Tensor, finite: Tensor | None = None) -> None:
        """Update with fakes (B, C, H, W), uint8 or points, and their sample numbers (B,); B > 0 on every rank.

        Samples numbered beyond the last one are ignored. ``finite``, bool (B,), is false for samples that had values
        which uint8 cannot represent; ``compute`` raises NotFinite if any had. With numbers on the CPU nothing is read
        back from the device.
        """
        images, on_cpu, numbers = images.to(self.device), numbers.cpu(), numbers.to(self.metric_device)
        outputs = {name: extractor(images) for name, extractor in self.extractors.items()}
        for column in self.columns:
            metric, name = column.metric, column.measurement.extractor
            features = images.flatten(1) if name is None else outputs[name][metric.output]
            wanted = on_cpu < column.samples
            rows = slice(None) if wanted.all() else wanted.nonzero().flatten().to(self.metric_device)
            metric.update(features.to(self.metric_device)[rows], numbers[rows])
            if finite is not None and not images.is_floating_point():
                metric.non_finite = metric.non_finite + (~finite.to(self.metric_device)[rows]).sum()

    def compute(self) -> list[Result]:
        """Return every score over all ranks and reset."""
        results = []
        for column in self.columns:
            for part, score in column.metric.compute().items():
                name = with_suffix(column.measurement.name, part)
                protocol = {**column.protocol, "metric": name, "settings": column.metric.settings()}
                results.append(Result(name, score, bool(column.metric.higher_is_better), protocol))
            column.metric.reset()
        return results

    def _column(
        self,
        measurement: Measurement,
        reference: CachedReference | None,
        real: RealSet,
        samples: int,
        fakes: Mapping[str, Any],
    ) -> Column:
        try:
            metric = measurement.metric(reference, samples).to(self.metric_device)
        except TypeError as error:
            raise UserError(f"metric {measurement.name}: {error}") from error
        fewest = min(samples, real.images.count) if metric.against_real else samples
        if fewest < metric.fewest:
            raise UserError(
                f"metric {measurement.name} needs at least {metric.fewest:,} images: {samples:,} generated ones are to "
                f"be compared with {real.images.count:,} real ones"
            )
        name = measurement.extractor
        features = {} if name is None else self.extractors[name].description
        protocol = {
            "metric": measurement.name,
            "features": features,
            "reference": {**real.description, "images": real.images.count, "checksum": real.images.fingerprint}
            if metric.against_real
            else {"data": real.description["data"]},
            "fakes": {"samples": samples, **fakes, "values": "as drawn" if name is None else "uint8 from [-1, 1]"},
            "numerics": SCORES if name is None else {**SCORES, "channels_last": self.extractors[name].channels_last},
            "versions": versions(),
        }
        return Column(measurement, metric, samples, protocol)


def names_of(measurements: Iterable[Measurement]) -> list[str] | None:
    """Return the names of all results, None if a measurement does not tell them beforehand."""
    names: list[str] = []
    for measurement in measurements:
        if measurement.names is None:
            return None
        names += measurement.names
    return names


def with_suffix(name: str, suffix: str) -> str:
    """Return the name of one of several scores: the suffix follows an underscore, the empty one is left out."""
    return f"{name}_{suffix}" if suffix else name


def require_unpaired(measurements: Iterable[Any]) -> None:
    """Raise UserError for a metric that compares pairs of images, of which samples drawn from noise have none."""
    for metric in measurements:
        if not isinstance(metric, Measurement):
            raise UserError(
                f"metric {metric.score} compares pairs of images: it needs an image-to-image model, such as "
                "model=pix2pix; for samples choose another, such as metric=fid"
            )


def build_extractors(
    measurements: Iterable[Measurement],
    factories: Mapping[str, ExtractorFactory],
    images: RealImages,
    device: torch.device,
) -> dict[str, Extractor]:
    """Return the extractors that the measurements name, each built once.

    Raises UserError for a name without a factory.
    """
    names = dict.fromkeys(m.extractor for m in measurements if m.extractor is not None)
    for name in names:
        if name not in factories:
            raise UserError(f"extractor {name}: no such extractor; choose one of {', '.join(factories)}")
    return {name: factories[name](images, device) for name in names}
