"""report.html: tables, curves and samples in one file that needs no network."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.comparison import budgets
from ganexp.comparison.comparison import Comparison
from ganexp.comparison.groups import Experiment
from ganexp.comparison.pictures import frames_of
from ganexp.comparison.ranking import Ranking
from ganexp.comparison.run import Run
from ganexp.comparison.settings import differing, identity, title
from ganexp.comparison.table import Table, combined_table
from ganexp.errors import UserError
from ganexp.records.curves import Curve

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = ("tables.js", "curves.js", "samples.js")
FEW_RUNS = 20
"""Runs of which curves are drawn with all points that were kept; of more runs, with fewer each."""
FEWEST_POINTS = 25
CLOCK_POINTS = 50
MOST_GRIDS = 24
HIDDEN_CURVES = ("learning_rate/", "time/")


def render(comparison: Comparison, remarks: Sequence[str]) -> str:
    """Return the page.

    Raises UserError if jinja2 is not there.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise UserError("report.html needs jinja2: pip install 'ganexp[report]'") from error
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    script = "\n".join((TEMPLATES / name).read_text("utf-8") for name in SCRIPTS)
    experiments = in_order(comparison)
    return environment.get_template("report.html").render(
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=(TEMPLATES / "style.css").read_text("utf-8"),
        answers=[answer(ranking) for ranking in comparison.ranked.rankings],
        tables=[table_of(ranking) for ranking in comparison.ranked.rankings],
        remarks=remarks,
        experiments=[{"name": each.name, "runs": [about(run) for run in each.runs]} for each in experiments],
        settings=settings_matrix(experiments),
        data=drawn(experiments, comparison),
    )


def in_order(comparison: Comparison) -> list[Experiment]:
    """Return the experiments, ranked ones first."""
    ranked = [entry.experiment for ranking in comparison.ranked.rankings for entry in ranking.entries]
    return list({id(each): each for each in [*ranked, *comparison.experiments]}.values())


def answer(ranking: Ranking) -> dict[str, Any]:
    """Return what a ranking says in words."""
    first, *others = ranking.entries
    names: dict[str, list[str]] = {}
    for entry in others:
        names.setdefault(ranking.verdict(entry), []).append(entry.experiment.name)
    return {
        "score": ranking.score,
        "best": first.experiment.name,
        "seeds": len(first.readings),
        "others": names,
        "protocol": ranking.protocol,
    }


def table_of(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking's table with a key to sort by in each cell."""
    table: Table = combined_table(ranking)
    rows = [[{"text": cell, "key": sort_key(cell)} for cell in row] for row in table.rows]
    return {"title": table.title, "headings": table.headings, "rows": rows, "words": table.words, "notes": table.notes}


def sort_key(cell: str) -> str:
    """Return the number that a cell begins with, else its text."""
    number = cell.split(" ")[0].replace(",", "")
    try:
        return repr(float(number))
    except ValueError:
        return cell


def about(run: Run) -> dict[str, Any]:
    """Return what is said of one run."""
    return {
        "folder": str(run.folder),
        "seed": run.seed,
        "standing": run.standing,
        "images": f"{run.images_seen:,}",
        "started": str(run.summary.get("started", "")),
        "device": str(run.summary.get("device", "")),
        "command": str(run.summary.get("command", "")),
        "notes": notes(run),
        "findings": run.findings,
    }


def notes(run: Run) -> str:
    """Return the notes that somebody gave to a run for its loggers."""
    loggers = run.config.get("logger")
    each = loggers.values() if isinstance(loggers, dict) else []
    return "; ".join(str(logger["notes"]) for logger in each if isinstance(logger, dict) and logger.get("notes"))


def settings_matrix(experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Return each setting that differs with its values; those that are not the first experiment's are marked."""
    values = differing([identity(experiment.runs[0].config) for experiment in experiments])
    return [
        {"name": title(name), "cells": [{"text": value or "", "differs": value != each[0]} for value in each]}
        for name, each in values.items()
    ]


def drawn(experiments: Sequence[Experiment], comparison: Comparison) -> dict[str, Any]:
    """Return what the page's script draws: curves of all runs, and grids of one run of each experiment."""
    runs = [run for experiment in experiments for run in experiment.runs]
    points = max(FEWEST_POINTS, min(250, 250 * FEW_RUNS // len(runs)))
    shown = [representative(experiment, comparison) for experiment in experiments[:MOST_GRIDS]]
    grids = [
        {"experiment": place, "seed": str(run.seed), "frames": [[f.images, f.source] for f in frames]}
        for place, (run, frames) in enumerate(zip(shown, frames_of([run.folder for run in shown]), strict=True))
        if frames
    ]
    return {
        "experiments": [experiment.name for experiment in experiments],
        "score": f"score/{comparison.ranked.score}",
        "runs": [
            {
                "experiment": place,
                "seed": str(run.seed),
                "imagesPerUpdate": run.images_per_update,
                "clock": clock(run),
                "curves": {
                    name: thinned(curve, points)
                    for name, curve in run.curves.items()
                    if len(curve.images) and not name.startswith(HIDDEN_CURVES)
                },
            }
            for place, experiment in enumerate(experiments)
            for run in experiment.runs
        ],
        "grids": grids,
    }


def representative(experiment: Experiment, comparison: Comparison) -> Run:
    """Return the run with the middle score, so that nobody's best samples are shown beside another's average."""
    for ranking in comparison.ranked.rankings:
        for entry in ranking.entries:
            if entry.experiment is experiment:
                ordered = sorted(entry.readings, key=lambda reading: reading.value)
                return ordered[(len(ordered) - 1) // 2].run
    return max(experiment.runs, key=lambda run: run.images_seen)


def thinned(curve: Curve, points: int) -> list[list[float]]:
    """Return at most so many of a curve's points, as numbers of images and values of five digits."""
    kept = np.unique(np.linspace(0, len(curve.images) - 1, min(points, len(curve.images))).round().astype(int))
    return [curve.images[kept].astype(int).tolist(), [float(f"{v:.4g}") for v in curve.values[kept].tolist()]]


def clock(run: Run) -> list[list[float]] | None:
    """Return some numbers of images, and the seconds of training by then."""
    seconds = budgets.seconds(run, run.speed.images) if run.speed is not None else None
    if run.speed is None or seconds is None:
        return None
    return thinned(Curve(np.append(0.0, run.speed.images), np.append(0.0, seconds)), CLOCK_POINTS)
