"""Scores as JSON and as text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganexp.files.atomic import replacing
from ganexp.files.untrusted import read_json
from ganexp.metrics.protocol import differences, weights_label
from ganexp.metrics.score import Score
from ganexp.metrics.scoring import Result

Entry = dict[str, Any]

MODEL = "model"
"""Key of the address of a scored model, in a file that may have scores of several."""


def entries(results: Sequence[Result], images_seen: int | None = None, model: str | None = None) -> list[Entry]:
    """Return the scores.json entry of each score: its value, its standard deviation and its full protocol.

    ``images_seen`` is the number of real images that the scored generator was trained on; ``model`` is its address,
    where the scores are not in its own folder.
    """
    about = {} if model is None else {MODEL: model}
    return [
        {
            "name": result.name,
            "value": result.score.value,
            "spread": result.score.spread,
            "higher_is_better": result.higher_is_better,
            "images_seen": images_seen,
            "protocol": result.protocol,
            **about,
        }
        for result in results
    ]


def write_scores(path: Path, scores: Sequence[Entry]) -> None:
    """Write scores.json atomically."""
    with replacing(path) as file:
        file.write(json.dumps({"scores": scores}, indent=2) + "\n")


def add_scores(path: Path, scores: Sequence[Entry]) -> None:
    """Add scores to a scores.json, replacing those of the same model with the same protocols."""
    try:
        present = read_json(path)["scores"]
        kept = [
            old
            for old in present
            if all(differences(old["protocol"], new["protocol"]) or old.get(MODEL) != new.get(MODEL) for new in scores)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = []
    write_scores(path, [*kept, *scores])


def format_results(results: Sequence[Result]) -> str:
    """Return the scores as one line of text, with the weights that were scored."""
    scores = ", ".join(f"{result.name} {format_score(result.score)}" for result in results)
    weights = " and ".join(dict.fromkeys(filter(None, (weights_label(result.protocol) for result in results))))
    return f"{scores} ({weights})" if weights else scores


def format_score(score: Score) -> str:
    """Return a value as text, with its standard deviation if there is one."""
    value = f"{score.value:.4g}"
    return value if score.spread is None else f"{value} ± {score.spread:.2g}"
