"""HTML report: tables, curves and samples in one file that needs no network."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.comparison import budgets
from ganexp.comparison.by_settings import scores_by_settings
from ganexp.comparison.comparison import Comparison
from ganexp.comparison.groups import Experiment
from ganexp.comparison.ranking import Ranking
from ganexp.comparison.run_record import RunRecord
from ganexp.comparison.settings import differing, identity, setting_title
from ganexp.comparison.table import Table, combined_table
from ganexp.comparison.thumbnails import frames_by_run
from ganexp.files.templates import template
from ganexp.records.curves import Curve

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = ("tables.js", "curves.js", "samples.js", "settings.js", "heat_maps.js", "parallel.js", "view.js")
STYLES = ("style.css", "settings.css")
FEW_RUNS = 20
"""Up to this number of runs curves are drawn with all points; with more runs, with fewer points each."""
FEWEST_POINTS = 25
CLOCK_POINTS = 50
MOST_GRIDS = 24
BEST_CURVES = 8
"""Experiments whose curves are drawn at first: more lines cannot be distinguished."""
FEW_NAMES = 6
"""Up to this number of experiments with one verdict are named in the answer; more are in a list that opens."""
HIDDEN_CURVES = ("learning_rate/", "time/")


def render(comparison: Comparison, remarks: Sequence[str]) -> str:
    """Return the page.

    Raises UserError if jinja2 is not installed.
    """
    page = template(TEMPLATES, "report.html")
    script = "\n".join((TEMPLATES / name).read_text("utf-8") for name in SCRIPTS)
    experiments = ranked_first(comparison)
    data = script_data(experiments, comparison)
    text: str = page.render(
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style="\n".join((TEMPLATES / name).read_text("utf-8") for name in STYLES),
        answers=[answer(ranking) for ranking in comparison.ranked.rankings],
        tables=[sortable_table(ranking) for ranking in comparison.ranked.rankings],
        remarks=remarks,
        experiments=[{"name": e.name, "runs": [run_details(run) for run in e.runs]} for e in experiments],
        settings=settings_matrix(experiments),
        data=data,
        best_curves=min(BEST_CURVES, len(experiments)),
        few_names=FEW_NAMES,
    )
    return text


def ranked_first(comparison: Comparison) -> list[Experiment]:
    """Return the experiments, ranked ones first."""
    ranked = [entry.experiment for ranking in comparison.ranked.rankings for entry in ranking.entries]
    return list({id(experiment): experiment for experiment in [*ranked, *comparison.experiments]}.values())


def answer(ranking: Ranking) -> dict[str, Any]:
    """Return the summary of a ranking: the best experiment, and the others by verdict."""
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


def sortable_table(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking's table with a sort key in each cell."""
    table: Table = combined_table(ranking)
    rows = [[{"text": cell, "key": sort_key(cell)} for cell in row] for row in table.rows]
    return {
        "title": table.title,
        "headings": table.headings,
        "rows": rows,
        "text_columns": table.text_columns,
        "notes": table.notes,
    }


def sort_key(cell: str) -> str:
    """Return the number at the start of a cell, else its text."""
    number = cell.split(" ")[0].replace(",", "")
    try:
        return repr(float(number))
    except ValueError:
        return cell


def run_details(run: RunRecord) -> dict[str, Any]:
    """Return what the page shows of one run."""
    return {
        "folder": str(run.folder),
        "seed": run.seed,
        "status": run.status_text,
        "images": f"{run.images_seen:,}",
        "started": str(run.summary.get("started", "")),
        "device": str(run.summary.get("device", "")),
        "command": str(run.summary.get("command", "")),
        "notes": notes(run),
        "findings": run.findings,
    }


def notes(run: RunRecord) -> str:
    """Return the notes that a run's loggers were given."""
    loggers = run.config.get("logger")
    settings = loggers.values() if isinstance(loggers, dict) else []
    return "; ".join(str(logger["notes"]) for logger in settings if isinstance(logger, dict) and logger.get("notes"))


def settings_matrix(experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Return the settings that differ with their values, marked where they differ from the first experiment's."""
    values = differing([identity(experiment.runs[0].config) for experiment in experiments])
    return [
        {"name": setting_title(name), "cells": [{"text": value or "", "differs": value != row[0]} for value in row]}
        for name, row in values.items()
    ]


def script_data(experiments: Sequence[Experiment], comparison: Comparison) -> dict[str, Any]:
    """Return the data of the page's script: curves of all runs, and sample grids of one run per experiment."""
    runs = [run for experiment in experiments for run in experiment.runs]
    points = max(FEWEST_POINTS, min(250, 250 * FEW_RUNS // len(runs)))
    shown = [representative(experiment, comparison) for experiment in experiments[:MOST_GRIDS]]
    grids = [
        {"experiment": index, "seed": str(run.seed), "frames": [[f.images, f.source] for f in frames]}
        for index, (run, frames) in enumerate(zip(shown, frames_by_run([run.folder for run in shown]), strict=True))
        if frames
    ]
    return {
        "experiments": [experiment.name for experiment in experiments],
        "score": f"score/{comparison.ranked.score}",
        "bestCurves": BEST_CURVES,
        "bySettings": scores_by_settings(experiments, comparison.ranked, comparison.never_started),
        "runs": [
            {
                "experiment": index,
                "seed": str(run.seed),
                "imagesPerUpdate": run.images_per_update,
                "clock": training_clock(run),
                "curves": {
                    name: thinned(curve, points)
                    for name, curve in run.curves.items()
                    if len(curve.images) and not name.startswith(HIDDEN_CURVES)
                },
            }
            for index, experiment in enumerate(experiments)
            for run in experiment.runs
        ],
        "grids": grids,
    }


def representative(experiment: Experiment, comparison: Comparison) -> RunRecord:
    """Return the run with the median score, so that best samples are not shown next to average ones."""
    for ranking in comparison.ranked.rankings:
        for entry in ranking.entries:
            if entry.experiment is experiment:
                ordered = sorted(entry.readings, key=lambda reading: reading.value)
                return ordered[(len(ordered) - 1) // 2].run
    return max(experiment.runs, key=lambda run: run.images_seen)


def thinned(curve: Curve, points: int) -> list[list[float]]:
    """Return at most ``points`` points of a curve: numbers of images, and values to four significant digits."""
    indices = np.unique(np.linspace(0, len(curve.images) - 1, min(points, len(curve.images))).round().astype(int))
    return [
        [int(images) for images in curve.images[indices].tolist()],
        [float(f"{v:.4g}") for v in curve.values[indices].tolist()],
    ]


def training_clock(run: RunRecord) -> list[list[float]] | None:
    """Return numbers of images and the seconds of training by then, None where a run did not record its speed."""
    seconds = budgets.seconds(run, run.speed.images) if run.speed is not None else None
    if run.speed is None or seconds is None:
        return None
    return thinned(Curve(np.append(0.0, run.speed.images), np.append(0.0, seconds)), CLOCK_POINTS)
