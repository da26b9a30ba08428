"""Checks, before training, of the scores that callbacks monitor."""

from collections.abc import Iterable, Mapping
from typing import Any

from lightning.pytorch.callbacks.early_stopping import EarlyStopping

from ganexp.callbacks.scores import CURVES, Scores
from ganexp.errors import UserError


def require_monitored(callbacks: Mapping[str, Any], module: Any) -> None:
    """Raise UserError for scores that the game cannot have, and for callbacks, by name, that monitor none of them.

    Nothing is said where a metric does not tell the names of its scores beforehand.
    """
    scores = next((callback for callback in callbacks.values() if isinstance(callback, Scores)), None)
    names = [] if scores is None else scores.names(module)
    if names is None:
        return
    if scores is not None and names and scores.monitor not in (None, *names):
        raise UserError(f"scoring.monitor={scores.monitor}: {no_such_score(names)}")
    curves = [f"{CURVES}{name}" for name in names]
    for name, callback in callbacks.items():
        # One that is not strict waits for a value that a game of the user's own may log.
        if isinstance(callback, EarlyStopping) and callback.strict and callback.monitor not in curves:
            raise UserError(f"callbacks.{name}.monitor={callback.monitor}: {no_such_score(curves)}")


def no_such_score(names: Iterable[str]) -> str:
    """Return why a score cannot be monitored, and which can."""
    listed = ", ".join(names)
    remedy = f"choose one of {listed}" if listed else "choose metrics, such as metric=fid_classifier"
    return f"this run computes no score of that name; {remedy}"
