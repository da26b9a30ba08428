"""Scores during training, of the same samples that are saved."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch

from ganexp.callbacks.interval import Interval
from ganexp.drawing.pictures import are_finite, as_bytes
from ganexp.errors import UserError
from ganexp.files.saved_values import entry, require_number
from ganexp.metrics.reference import RealImages
from ganexp.metrics.scoring import (
    ExtractorFactory,
    Measurement,
    RealSet,
    Result,
    Scoring,
    build_extractors,
    names_of,
    require_unpaired,
)
from ganexp.metrics.table import entries, format_results, write_scores
from ganexp.numerics.flags import contiguous_weights, full_precision

log = logging.getLogger(__name__)

CURVES = "score/"
"""Beginning of the scores' names in loggers, and where Lightning's callbacks look for values."""


class Scores(L.Callback):
    """Scores the generator every ``every`` images and at the end, in Lightning's validation loop.

    Scores go to every logger as ``score/NAME`` and to ``folder``/scores.json with their protocols; the weights with
    the best score named ``monitor`` (None: the first) are saved as checkpoints/best.ckpt. At most ``real_images`` real
    images are the reference; ``reference`` describes them in the protocol, next to their checksum.
    """

    def __init__(
        self,
        folder: str,
        every: int,
        measurements: Mapping[str, Measurement | None],
        extractors: Mapping[str, ExtractorFactory],
        real_images: int | None,
        reference: Mapping[str, Any],
        monitor: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.every = Interval(every)
        self.measurements = [m for m in measurements.values() if m is not None]
        self.extractors = extractors
        self.real_images = real_images
        self.reference = reference
        self.monitor = monitor
        self.latest: list[Result] = []
        self.best: float | None = None
        self.best_of: str | None = None
        self.seconds = 0.0
        self.scoring: Scoring | None = None

    def names(self, module: Any) -> list[str] | None:
        """Return the names of the scores that this game will have, None if a metric does not tell them beforehand.

        Raises UserError for metrics that need pairs of images.
        """
        require_unpaired(self.measurements)
        return names_of(self.measurements)

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Prepare and rehearse the scores, so that what they lack is reported before training."""
        self.every.start(module.images_seen)
        begin = time.perf_counter()
        self.started = begin - self.seconds
        if self.measurements and module.scored_samples:
            # The first rank fills the cache while the others wait.
            if not trainer.is_global_zero:
                trainer.strategy.barrier()
            with full_precision():
                self.scoring = self._scoring(trainer, module)
                self.scoring.rehearse()
            if trainer.is_global_zero:
                trainer.strategy.barrier()
        self.seconds += time.perf_counter() - begin

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Score when the interval has passed and when the budget is spent."""
        due = self.every.due(module.images_seen)
        if self.scoring is not None and (due or module.progress() >= 1):
            begin = time.perf_counter()
            with full_precision(), contiguous_weights(module):
                validate(trainer)
            self.seconds += time.perf_counter() - begin
            self._save_if_best(trainer, module)

    def on_validation_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, *_: Any) -> None:
        """Add the samples of one batch."""
        if self.scoring is not None:
            self.scoring.update(as_bytes(outputs), batch["number"], are_finite(outputs))

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Compute the scores, log them and write scores.json."""
        if self.scoring is None:
            return
        self.latest = self.scoring.compute()
        row = {f"{CURVES}{result.name}": result.score.value for result in self.latest}
        # Lightning's callbacks, such as early stopping, read them there.
        trainer.callback_metrics.update({name: torch.tensor(value) for name, value in row.items()})
        for logger in trainer.loggers:
            logger.log_metrics(row, step=module.images_seen)
        if trainer.is_global_zero:
            log.info("%s images: %s", f"{module.images_seen:,}", format_results(self.latest))
            write_scores(self.folder / "scores.json", entries(self.latest, module.images_seen))

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Log the time spent on scoring."""
        if self.latest and trainer.is_global_zero:
            share = self.seconds / (time.perf_counter() - self.started)
            log.info("scoring took %.1f s, %.1f %% of the run", self.seconds, 100 * share)

    def state_dict(self) -> dict[str, Any]:
        """Return the best score, its name, and the seconds spent on scoring."""
        return {"best": self.best, "best_of": self.best_of, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of a resumed run; raises NotACheckpoint unless it is two numbers."""
        best = entry(state_dict, "best")
        self.best = None if best is None else require_number(best, "best")
        # Runs of earlier versions have no name.
        name = state_dict.get("best_of")
        self.best_of = name if isinstance(name, str) else None
        self.seconds = require_number(entry(state_dict, "seconds"), "seconds")

    def _scoring(self, trainer: Any, module: Any) -> Scoring:
        data = trainer.datamodule.dataset
        real = RealImages(data, data.checksum(), self.real_images)
        extractors = build_extractors(self.measurements, self.extractors, real, module.device)
        return Scoring(
            self.measurements,
            extractors,
            [RealSet(real, self.reference)],
            [module.scored_samples],
            {**module.describe_samples(module.seed), "checkpoint": "last", **training_images(trainer.datamodule)},
            module.device,
        )

    def _save_if_best(self, trainer: Any, module: Any) -> None:
        result = monitored_result(self.latest, self.monitor)
        value = result.score.value if result.higher_is_better else -result.score.value
        if self.best_of not in (None, result.name):
            # A resumed run monitors another score, whose values cannot be compared with these.
            self.best = None
        self.best_of = result.name
        better = math.isfinite(value) and (self.best is None or value > self.best)
        # Ranks must save together, and rounding may differ between kinds of processors.
        if trainer.strategy.broadcast(better):
            self.best = value
            trainer.save_checkpoint(self.folder / "checkpoints" / "best.ckpt")


def training_images(data: Any) -> dict[str, str]:
    """Return the protocol's entries about training images; a user's own data module need not describe them."""
    changes = {"training_images": data.training_images} if hasattr(data, "training_images") else {}
    return changes | data_version(data)


def data_version(data: Any) -> dict[str, str]:
    """Return the protocol's entry with the version of the training data, none where it is unknown."""
    version = getattr(data, "data_version", None)
    return {} if version is None else {"data": version}


def validate(trainer: Any) -> None:
    """Run Lightning's validation loop as Lightning itself does, whose own triggers do not count images."""
    trainer.validating = True
    first_iteration = trainer._logger_connector._first_loop_iter
    trainer.fit_loop.epoch_loop.val_loop.run()
    trainer.training = True
    trainer._logger_connector._first_loop_iter = first_iteration


def monitored_result(results: Sequence[Result], name: str | None) -> Result:
    """Return the result of that name, or the first.

    Raises UserError if no result has that name.
    """
    for result in results:
        if name in (None, result.name):
            return result
    raise UserError(f"scoring.monitor={name}: choose one of {', '.join(result.name for result in results)}")
