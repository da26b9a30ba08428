"""Analyses of a trained model, with their pictures and figures written to files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.analysis.subject import Analysis, Figures
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.evaluation.subject import build_subject
from ganexp.files.atomic import replacing
from ganexp.game.module import COUNTERS
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.class_names import class_names_of
from ganexp.runs.model import load_model
from ganexp.runs.run import Run

FIGURES = "figures.json"
FOLDER = "analysis"


def analyze(config: DictConfig, run: Run, out: Path | None, held_out: str | None, labelled: str | None) -> None:
    """Run every analysis that applies to the run's model, and report why others do not.

    Pictures go to ``out``, by default below the run's folder. Raises UserError if the only analysis does not apply, and
    at the end if any failed.
    """
    analyses: dict[str, Analysis] = build(config.analysis)
    settings = OmegaConf.create(composition.resolve(run.config))
    subject = build_subject(load_model(run), settings, config.seed, held_out, labelled)
    subject.class_names = class_names_of(run)
    assert run.checkpoint is not None
    seen = load_checkpoint(run.checkpoint)[COUNTERS]["images_seen"]
    about = {"seed": config.seed, "checkpoint": run.checkpoint.stem, "images_seen": seen}
    is_only = len(analyses) == 1
    failures = {}
    for name, analysis in analyses.items():
        reason = analysis.reason_against(subject)
        if reason is not None and is_only:
            raise UserError(f"analysis={name}: {reason}")
        if reason is not None:
            print(f"{name}: does not apply: {reason}")
            continue
        folder = create_folder(run.folder / FOLDER / name if out is None else out if is_only else out / name)
        try:
            figures = analysis(subject, folder)
        except UserError as error:
            if is_only:
                raise
            failures[name] = error
            print(f"{name}: failed: {error}")
            continue
        options = {key: value for key, value in composition.resolve(config.analysis)[name].items() if key != "_target_"}
        write({"analysis": name, **about, "settings": options, "figures": figures}, folder / FIGURES)
        show(name, figures, folder)
    if failures:
        raise UserError("; ".join(f"analysis {name}: {error}" for name, error in failures.items()))


def create_folder(folder: Path) -> Path:
    """Return the folder for an analysis's pictures, created if needed; raises UserError if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"out={folder}: cannot be written to: {error.strerror}") from error
    return folder


def show(name: str, figures: Figures, folder: Path) -> None:
    """Print each figure on its own line, and the path of the pictures."""
    for figure, value in figures.items():
        print(f"{name}: {figure} {readable(value)}")
    print(f"{name}: pictures and {FIGURES} are in {folder}")


def readable(value: Any) -> str:
    """Return a figure as text, numbers with four digits and nested groups in brackets."""
    if isinstance(value, list):
        return ", ".join(readable(item) for item in value)
    if isinstance(value, dict):
        parts = {name: readable(part) for name, part in value.items()}
        grouped = {name: f"({text})" if isinstance(value[name], dict) else text for name, text in parts.items()}
        return ", ".join(f"{name} {text}" for name, text in grouped.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON atomically."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2) + "\n")
