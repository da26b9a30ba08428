"""Pruning of unpromising runs of a Bayesian search."""

import logging
from typing import Any

import lightning as L

from ganexp.callbacks.end import End
from ganexp.callbacks.scores import Scores, monitored_result
from ganexp.errors import one_line
from ganexp.records import study

log = logging.getLogger(__name__)


class Pruning(L.Callback):
    """Reports each monitored score to a trial of the study at ``storage``, and stops when ``pruner`` prunes it.

    ``reason`` then holds the reason. Without a trial nothing is reported. Steps are scorings, not images, so that runs
    with other batch sizes are compared at the same stage of training. A study that cannot be reached prunes nothing.
    """

    def __init__(self, pruner: Any, storage: str | None = None, trial: int | None = None) -> None:
        self.pruner = pruner
        self.storage = storage
        self.number = trial
        self.trial: Any = None
        self.reason: str | None = None

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Look up the trial."""
        if self.storage is None or self.number is None or not trainer.is_global_zero:
            return
        try:
            self.trial = study.running_trial(self.storage, self.number, self.pruner)
        # A database may fail in any way.
        except Exception as error:
            log.warning("pruning: the study cannot be reached, so this run cannot be pruned: %s", one_line(error))

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Report the score, and stop a run that is behind; one that has spent its budget counts as finished."""
        scores = next((callback for callback in trainer.callbacks if isinstance(callback, Scores)), None)
        behind = False
        if self.trial is not None and scores is not None and scores.latest:
            result = monitored_result(scores.latest, scores.monitor)
            self.trial.report(result.score.value, step=module.images_seen // scores.every.images)
            behind = module.progress() < 1 and self.trial.should_prune()
        # Ranks must stop together.
        if trainer.strategy.broadcast(behind):
            self.reason = "behind other trials"
            trainer.should_stop = True
            log.info("pruned after %s images: %s", f"{module.images_seen:,}", self.reason)

    def end(self) -> End | None:
        """Return the reason if the run was pruned."""
        return None if self.reason is None else End(f"pruned: {self.reason}")
