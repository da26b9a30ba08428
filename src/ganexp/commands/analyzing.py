"""The heavy part of analyzing: load the model, look, write what was found."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ganexp import composition
from ganexp.analysis.subject import Analysis, Figures, HeldOut, Subject
from ganexp.commands.building import build
from ganexp.commands.evaluating import real_set
from ganexp.commands.folder_images import folder_images, kinds_in
from ganexp.commands.loading import load_checkpoint
from ganexp.commands.sampling import load_model, truncate
from ganexp.errors import UserError
from ganexp.game import COUNTERS
from ganexp.metrics.classifier import classifier
from ganexp.metrics.reference import RealImages

FIGURES = "figures.json"
FOLDER = "analysis"
OTHER_SPLITS = ("test", "valid", "val", "train")


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


def analyze(config: DictConfig, run: DictConfig, place: Place, held_out: str | None) -> None:
    """Do every analysis that applies and say why others do not.

    Raises UserError if the only one does not apply, and at the end if any failed.
    """
    run = OmegaConf.create(composition.plain(run))
    analyses: dict[str, Analysis] = build(config.analysis)
    subject = subject_of(load_model(run, place.checkpoint), run, config.seed, held_out)
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
    """Return a figure as text, numbers with four digits."""
    if isinstance(value, list):
        return ", ".join(readable(each) for each in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON by way of a temporary file."""
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(path)


def subject_of(model: Any, run: DictConfig, seed: int, held_out: str | None = None) -> Subject:
    """Return what may be looked at of a trained model and its run's data."""

    def truncated(threshold: float) -> Subject:
        cut = copy.deepcopy(model)
        truncate(cut, threshold)
        subject = subject_of(cut, run, seed, held_out)
        # What depends on the data alone is not made twice.
        subject.load_training, subject.load_held_out = lambda: whole.training, lambda: whole.held_out
        subject.load_extractor = lambda _: whole.extractor
        return subject

    def critic(images: Tensor, labels: Tensor | None) -> Tensor:
        if labels is None:
            logits: Tensor = model.discriminator(images)
            return logits
        on_real, _ = model.critics(labels, labels)
        return on_real(images)

    whole = Subject(
        generator=model.sampler(),
        noise=model.noise,
        latent=model.latent,
        num_classes=getattr(model, "num_classes", None),
        seed=seed,
        device=model.device,
        discriminator=model.discriminator,
        critic=critic,
        load_training=lambda: real_set(run.data, None).images,
        load_held_out=lambda: held_out_images(run, held_out),
        load_extractor=lambda images: classifier(images, model.device),
        truncated=truncated,
    )
    return whole


def held_out_images(run: DictConfig, wanted: str | None) -> HeldOut:
    """Return images that the run was not trained on: of a folder, or of another split of its data.

    Raises UserError if what the user asked for cannot be had.
    """
    split = OmegaConf.select(run.data, "source.split")
    if wanted is not None and Path(wanted).is_dir():
        return of_folder(Path(wanted), run.data)
    if wanted is not None:
        if split is None:
            raise UserError(f"held_out={wanted}: no such folder, and the data {run.data.name} has no splits")
        if wanted == split:
            raise UserError(f"held_out={wanted}: the run was trained on that split; give another, or a folder")
        return of_split(run.data, wanted, download=True)
    if split is None:
        return HeldOut(None, f"the data {run.data.name} has no split that was not trained on")
    for other in OTHER_SPLITS:
        if other != split:
            try:
                return of_split(run.data, other, download=False)
            except UserError:
                continue
    return HeldOut(None, f"no other split of {run.data.name} is at hand (held_out=SPLIT downloads it)")


def of_split(data: DictConfig, split: str, download: bool) -> HeldOut:
    """Return the images of a split."""
    source = {"split": split} if download or "download" not in data.source else {"split": split, "download": False}
    images = real_set(OmegaConf.merge(data, {"source": source}), None).images
    return HeldOut(images, f"{images.count:,} images of {data.name}'s split {split}")


def of_folder(folder: Path, data: DictConfig) -> HeldOut:
    """Return a folder's images as the run's data are decoded, and how they were changed."""
    found = kinds_in(folder)
    size, channels = data.image_size, data.channels
    images = folder_images(folder, data)
    words = f"{len(images):,} images of {folder}"
    if any(kind != ((size, size), channels) for kind in found):
        words += f", brought to {size}x{size} with {channels} channel{'s' if channels > 1 else ''}"
    return HeldOut(RealImages(images, images.checksum()), words)
