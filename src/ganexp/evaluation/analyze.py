"""The heavy part of analyzing: load the model, look, write what was found."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ganexp.analysis.opponents import Opponent
from ganexp.analysis.subject import Analysis, Figures, Subject
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.evaluation.evaluate import real_set
from ganexp.evaluation.held_out import held_out_images, labelled_images
from ganexp.game.module import COUNTERS
from ganexp.generation.sample import load_model, truncate
from ganexp.metrics.classifier import classifier
from ganexp.numerics.randomness import derived_seed
from ganexp.runs.checkpoint import load_checkpoint

FIGURES = "figures.json"
FOLDER = "analysis"


@dataclass(frozen=True)
class Place:
    """A run's folder, the checkpoint that is looked at, and where pictures go: below the run if out is None."""

    run: Path
    checkpoint: Path
    out: Path | None

    def of(self, name: str, several: bool) -> Path:
        """Return the folder for the pictures of an analysis, which is made if need be.

        Raises UserError where that is impossible.
        """
        top = self.run / FOLDER if self.out is None else self.out
        folder = top / name if several or self.out is None else top
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"out={folder}: cannot be written to: {error.strerror}") from error
        return folder


def analyze(config: DictConfig, run: DictConfig, place: Place, held_out: str | None, labelled: str | None) -> None:
    """Do every analysis that applies and say why others do not.

    Raises UserError if the only one does not apply, and at the end if any failed.
    """
    run = OmegaConf.create(composition.plain(run))
    analyses: dict[str, Analysis] = build(config.analysis)
    subject = subject_of(load_model(run, place.checkpoint), run, config.seed, held_out, labelled)
    seen = load_checkpoint(place.checkpoint)[COUNTERS]["images_seen"]
    about = {"seed": config.seed, "checkpoint": config.checkpoint, "images_seen": seen}
    several = len(analyses) > 1
    failed = {}
    for name, analysis in analyses.items():
        reason = analysis.reason_against(subject)
        if reason is not None and not several:
            raise UserError(f"analysis={name}: {reason}")
        if reason is not None:
            print(f"{name}: does not apply: {reason}")
            continue
        folder = place.of(name, several)
        try:
            figures = analysis(subject, folder)
        except UserError as error:
            if not several:
                raise
            failed[name] = error
            print(f"{name}: failed: {error}")
            continue
        settings = {key: value for key, value in composition.plain(config.analysis)[name].items() if key != "_target_"}
        write({"analysis": name, **about, "settings": settings, "figures": figures}, folder / FIGURES)
        show(name, figures, folder)
    if failed:
        raise UserError("; ".join(f"analysis {name}: {error}" for name, error in failed.items()))


def show(name: str, figures: Figures, folder: Path) -> None:
    """Print each figure in a line, and where the pictures are."""
    for figure, value in figures.items():
        print(f"{name}: {figure} {readable(value)}")
    print(f"{name}: pictures and {FIGURES} are in {folder}")


def readable(value: Any) -> str:
    """Return a figure as text, numbers with four digits and groups within groups in brackets."""
    if isinstance(value, list):
        return ", ".join(readable(each) for each in value)
    if isinstance(value, dict):
        parts = {name: readable(each) for name, each in value.items()}
        grouped = {name: f"({text})" if isinstance(value[name], dict) else text for name, text in parts.items()}
        return ", ".join(f"{name} {text}" for name, text in grouped.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON by way of a temporary file."""
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(path)


def subject_of(
    model: Any, run: DictConfig, seed: int, held_out: str | None = None, labelled: str | None = None
) -> Subject:
    """Return what may be looked at of a trained model and its run's data."""

    def truncated(threshold: float) -> Subject:
        cut = copy.deepcopy(model)
        truncate(cut, threshold)
        subject = subject_of(cut, run, seed, held_out, labelled)
        # What depends on the data alone is not made twice.
        subject.load_training, subject.load_held_out = lambda: whole.training, lambda: whole.held_out
        subject.load_extractor = lambda _: whole.extractor
        return subject

    def untrained(seed: int) -> Opponent:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(seed, "untrained"))
            return opponent_of(build(run.model).to(model.device))

    whole = Subject(
        generator=model.sampler.network,
        noise=model.sampler.noise,
        latent=model.sampler.latent,
        num_classes=getattr(model, "num_classes", None),
        seed=seed,
        device=model.device,
        opponent=opponent_of(model),
        untrained=untrained,
        load_training=lambda: real_set(run.data, None).images,
        load_held_out=lambda: held_out_images(run, held_out),
        load_labelled=None if labelled is None else lambda: labelled_images(labelled, run.data),
        load_extractor=lambda images: classifier(images, model.device),
        truncated=truncated,
    )
    return whole


def opponent_of(model: Any) -> Opponent:
    """Return a model's discriminator, told the labels if it takes any."""

    def ask(images: Tensor, labels: Tensor | None) -> Tensor:
        images = images.to(model.device)
        if not hasattr(model, "num_classes"):
            logits: Tensor = model.discriminator(images)
            return logits
        if labels is None:
            raise UserError("this discriminator is told the images' labels, and these images have none")
        logits = model.critic(labels.to(model.device))(images)
        return logits

    model.discriminator.eval()
    return Opponent(model.discriminator, ask)
