"""Evaluation of runs and image folders: all scores from one pass over the samples, shown as a table."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from torch import Tensor

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.config.conditions import translates
from ganexp.data.training_images import describe
from ganexp.distributed import devices
from ganexp.drawing.pictures import are_finite, as_bytes
from ganexp.errors import UserError
from ganexp.evaluation import published
from ganexp.evaluation.folder_images import FolderImages, folder_images, match_size_and_channels
from ganexp.evaluation.kept import with_kept
from ganexp.evaluation.reference import describe_reference
from ganexp.evaluation.score_table import Results, rank, score_tables
from ganexp.evaluation.translation import reject_sampling_options, translation_scores
from ganexp.game.module import COUNTERS
from ganexp.metrics.reference import RealImages
from ganexp.metrics.score import Score
from ganexp.metrics.scoring import Measurement, RealSet, Result, Scoring, build_extractors, names_of, require_unpaired
from ganexp.metrics.table import add_scores, entries
from ganexp.numerics.flags import full_precision
from ganexp.numerics.pixels import eight_bits
from ganexp.numerics.randomness import blocks
from ganexp.publishing import layout
from ganexp.records import summary
from ganexp.records.data_version import recorded_version
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.runs.scores import SCORES
from ganexp.terminal.progress import progress

Batches = Iterator[tuple[Tensor, Tensor, Tensor | None]]

GROUPS = ("data", "metric", "extractor")


@dataclass(frozen=True)
class SampleSource:
    """A source of samples to score: its name, a seeded sampling function and a description for the protocol."""

    name: str
    draw: Callable[[int, int], Batches]
    """Maps a number of samples and a seed to batches of (uint8 images or points, sample numbers, whether finite).

    The last is None for images that cannot be anything else.
    """
    description: Callable[[int], dict[str, Any]]


@full_precision()
def evaluate_runs(config: DictConfig, runs: Mapping[str, Run], overrides: list[str], out: Path) -> None:
    """Score every run on its own data with its own metrics, unless overridden.

    Scores of published models are written to ``out``, others into the run's folder.
    """
    results, files = {}, []
    settings_of = {name: scoring_settings(config, run, overrides) for name, run in runs.items()}
    if config.rank is not None:
        for name, run in runs.items():
            if not translates(run.config):
                require_ranked(config.rank, name, settings_of[name])
    for name, run in runs.items():
        assert run.checkpoint is not None
        settings = settings_of[name]
        if layout.is_published(run):
            checkpoint, seen = layout.checkpoint_name(run), layout.images_seen(run)
            file, address = out, name
        else:
            checkpoint, seen = run.checkpoint.stem, load_checkpoint(run.checkpoint)[COUNTERS]["images_seen"]
            file, address = run.folder / SCORES, None
        if translates(run.config):
            reject_sampling_options(overrides)
            results[name] = translation_scores(run, settings, checkpoint)
        else:
            source = generator_source(run, checkpoint, config.truncation)
            results[name] = score_source(source, settings)
        add_scores(file, entries(results[name], seen, address))
        files.append(str(file))
    show(results)
    print(f"values and protocols: {', '.join(dict.fromkeys(files))}")
    if config.rank is not None:
        print(rank(results, config.rank))


@full_precision()
def evaluate_folder(config: DictConfig, fake: Path, out: Path, overrides: list[str]) -> None:
    """Score a folder of images against another folder or a data set."""
    given = {override.partition("=")[0] for override in overrides}
    settings = match_size_and_channels(config, fake, given)
    images = folder_images(fake, settings.data)
    if "samples" not in given:
        settings.samples = [len(images)]
    results = {str(fake): score_source(folder_source(images, fake), settings)}
    add_scores(out, entries(results[str(fake)]))
    show(results)
    print(f"values and protocols: {out}")


def show(results: Results) -> None:
    """Print the tables."""
    console = Console(markup=False, emoji=False)
    for part in score_tables(results, console.width):
        console.print(part, soft_wrap=isinstance(part, str))


def scoring_settings(config: DictConfig, run: Run, overrides: list[str]) -> DictConfig:
    """Return the configuration that a run is scored by: its own data and metrics, except for overridden ones."""
    if layout.is_published(run):
        return published.scoring_settings(config, run, overrides)
    settings = with_run_groups(config, run.config, overrides)
    return with_kept(settings, run, overrides) if overrides_part(overrides, "data") else settings


def require_ranked(score: str, subject: str, settings: DictConfig) -> None:
    """Raise UserError, before anything is scored, for a score to rank by that a subject will not have, or not once."""
    names = names_of(build_measurements(settings))
    if names is not None and score not in names:
        raise UserError(f"rank={score}: {subject} has no such score; it has {', '.join(names)}")
    if len(set(settings.samples)) > 1:
        numbers = ",".join(map(str, settings.samples))
        raise UserError(f"rank={score}: it would be computed with several numbers of samples, {numbers}; choose one")


def with_run_groups(config: DictConfig, run: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration with the run's data, metrics and extractors, except for overridden ones."""
    resolved = composition.resolve(run)
    settings = config.copy()
    OmegaConf.set_struct(settings, False)
    for part in GROUPS:
        if not overrides_part(overrides, part) and resolved.get(part):
            settings[part] = resolved[part]
    # The run may have been made before an extractor existed.
    settings.extractor = {**config.extractor, **settings.extractor}
    return settings


def overrides_part(overrides: Iterable[str], part: str) -> bool:
    """Return whether an override chooses a part of the configuration, or a setting in it."""
    return any(override.lstrip("+~").split("=")[0].split(".")[0].split("@")[0] == part for override in overrides)


def score_source(source: SampleSource, config: DictConfig) -> list[Result]:
    """Return the scores of a source, averaged over the seeds."""
    device = devices.select_device()
    measurements = build_measurements(config)
    own, references = real_sets(config)
    scoring = Scoring(
        measurements,
        build_extractors(measurements, build(config.extractor), own.images, device),
        references,
        list(config.samples),
        source.description(config.seeds[0]),
        device,
    )
    scoring.rehearse()
    with torch.inference_mode():
        passes = [score_seed(source, scoring, max(config.samples), seed) for seed in config.seeds]
    return passes[0] if len(passes) == 1 else average_over_seeds(passes, list(config.seeds))


def score_seed(source: SampleSource, scoring: Scoring, samples: int, seed: int) -> list[Result]:
    """Return the scores of the samples of one seed."""
    with progress(f"scoring {source.name}", samples) as advance:
        for images, numbers, finite in source.draw(samples, seed):
            scoring.update(images, numbers, finite)
            advance(len(images))
    return scoring.compute()


def build_measurements(config: DictConfig) -> list[Measurement]:
    """Return the configured measurements.

    Raises UserError if there are none, and for one that samples do not allow.
    """
    measurements = [metric for metric in build(config.metric).values() if metric is not None]
    if not measurements:
        raise UserError("metric: no metric is configured; choose some, such as metric=[fid_classifier,is_classifier]")
    require_unpaired(measurements)
    return measurements


def real_sets(config: DictConfig) -> tuple[RealSet, list[RealSet]]:
    """Return the configured data set, and the reference sets, which may be other splits."""
    own = real_set(config.data, config.real_images)
    if config.reference is None:
        return own, [own]
    splits = [config.reference] if isinstance(config.reference, str) else list(config.reference)
    if OmegaConf.select(config, "data.source.split") is None:
        raise UserError(f"reference={splits}: the data {config.data.name} has no splits; leave reference out")
    return own, [real_set(OmegaConf.merge(config.data, {"source": {"split": s}}), config.real_images) for s in splits]


def real_set(data: Any, most: int | None) -> RealSet:
    """Return a reference set: real images and their description for the protocol."""
    module = build(data)
    module.prepare_data()
    module.setup("fit")
    description = describe_reference(data, OmegaConf.select(data, "source.split", default="all"))
    return RealSet(RealImages(module.dataset, module.dataset.checksum(), most), description)


def generator_source(run: Run, checkpoint: str, truncation: float | None) -> SampleSource:
    """Return a run's generator, from the named checkpoint, as a sample source."""
    model = load_model(run, truncation)
    flip, dequantize, balance = (
        bool(OmegaConf.select(run.config, f"data.{key}")) for key in ("flip", "dequantize", "balance")
    )
    version = recorded_version(summary.read(run.folder))
    about = {
        "checkpoint": checkpoint,
        "training_images": describe(flip, dequantize, balance),
        **({} if version is None else {"data": version}),
    }

    def draw(n: int, seed: int) -> Batches:
        for numbers in blocks(n):
            images = model.sampler.numbered(numbers, seed)
            yield as_bytes(images), numbers, are_finite(images)

    return SampleSource(
        run.folder.name or str(run.folder),
        draw,
        lambda seed: {**model.describe_samples(seed), **about},
    )


def folder_source(images: FolderImages, folder: Path) -> SampleSource:
    """Return a folder's images as a sample source, which ignores the seed."""

    def draw(n: int, seed: int) -> Batches:
        if n > len(images):
            raise UserError(f"samples={n}: {folder} has only {len(images):,} images")
        for numbers in blocks(n):
            yield eight_bits(images.__getitems__(numbers.tolist())["image"]), numbers, None

    return SampleSource(str(folder), draw, lambda seed: {"source": "folder"})


def average_over_seeds(passes: Iterable[list[Result]], seeds: list[int]) -> list[Result]:
    """Return the mean and standard deviation of each score over the seeds."""
    averaged = []
    for same in zip(*passes, strict=True):
        values = [result.score.value for result in same]
        score = Score(statistics.fmean(values), statistics.stdev(values))
        fakes = {**same[0].protocol["fakes"], "seed": seeds}
        averaged.append(replace(same[0], score=score, protocol={**same[0].protocol, "fakes": fakes}))
    return averaged
