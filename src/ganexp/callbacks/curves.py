"""Training curves: losses, discriminator outputs, learning rates and speed."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L

from ganexp.callbacks.game_module import GameModule
from ganexp.callbacks.interval import Interval
from ganexp.distributed import collectives
from ganexp.drawing.plots import plot_curves
from ganexp.files.saved_values import entry, require_number
from ganexp.records import changes, summary


class Curves(L.Callback):
    """Logs one row of metrics every ``every`` images, and draws curves.png at the end.

    Nothing is read back from the device in between, so that steps without a row are not slowed down.
    """

    def __init__(self, folder: str, every: int) -> None:
        self.folder = Path(folder)
        self.every = Interval(every)
        self.latest: dict[str, float] = {}
        self.seconds = 0.0

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Start the clock."""
        self.every.start(module.images_seen)
        self.last_time = time.perf_counter()
        self.last_images = module.images_seen
        self.validation_seconds = 0.0

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Log when the interval has passed."""
        if self.every.due(module.images_seen):
            self.log_row(trainer, module)

    def on_validation_start(self, trainer: L.Trainer, module: Any) -> None:
        """Pause the clock, as the training speed excludes scoring."""
        self.validation_began = time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        """Restart the clock."""
        self.validation_seconds += time.perf_counter() - self.validation_began

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Log the last row of a finished run, then draw; a stopped run continues its unfinished row when resumed."""
        if module.loss_history and module.progress() >= 1:
            self.log_row(trainer, module)
        history = self.folder / "metrics.csv"
        if trainer.is_global_zero and history.exists():
            facts = summary.read(self.folder)
            changed_at = {change.images for change in changes.recorded(facts)}
            plot_curves(history, self.folder / "curves.png", changed_at, title_of(facts, module.seed))

    def log_row(self, trainer: L.Trainer, module: GameModule) -> None:
        """Log the metrics since the last row."""
        losses = {f"loss/{name}": value for name, value in module.read_terms().items()}
        outputs = {
            f"discriminator/{name}_output": collectives.mean(module.loss.output(logits.float()).mean()).item()
            for name, logits in module.watched.items()
        }
        rates = {
            f"learning_rate/{player.name}": optimizer.param_groups[0]["lr"]
            for player, optimizer in zip(module.players(), trainer.optimizers, strict=True)
        }
        self.latest = {**losses, **outputs, **rates, **self._speed(module.images_seen)}
        for logger in trainer.loggers:
            logger.log_metrics(self.latest, step=module.images_seen)

    def _speed(self, images_seen: int) -> dict[str, float]:
        now = time.perf_counter()
        elapsed = now - self.last_time
        rate = (images_seen - self.last_images) / (elapsed - self.validation_seconds)
        self.seconds += elapsed
        self.validation_seconds = 0.0
        self.last_time, self.last_images = now, images_seen
        return {"time/seconds": self.seconds, "time/images_per_second": rate}

    def state_dict(self) -> dict[str, float]:
        """Return the seconds trained so far."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Restore the seconds of a resumed run; raises NotACheckpoint unless they are a number."""
        self.seconds = require_number(entry(state_dict, "seconds"), "seconds")


def title_of(facts: Mapping[str, Any], seed: int) -> str:
    """Return what was trained: model, data, loss and seed, as far as a run's summary has them."""
    recorded = facts.get("choices")
    choices = recorded if isinstance(recorded, Mapping) else {}
    name = " on ".join(str(choices[group]) for group in ("model", "data") if choices.get(group))
    loss = f"{choices['loss']} loss" if choices.get("loss") else ""
    return ", ".join(filter(None, (name, loss, f"seed {seed}")))
