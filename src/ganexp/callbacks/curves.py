"""The curves of a run: losses, the discriminator's answers, learning rates and speed."""

import time
from pathlib import Path
from typing import Any

import lightning as L

from ganexp.callbacks.pace import Interval
from ganexp.distributed import collectives
from ganexp.drawing.plots import plot_curves


class Curves(L.Callback):
    """Sends one row of figures to every logger each ``every`` images, and draws curves.png at the end.

    Nothing is read back from the device in between, so that logging costs nothing a step.
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
        self.validated = 0.0

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Log when it is time."""
        if self.every.due(module.images_seen):
            self.log_row(trainer, module)

    def on_validation_start(self, trainer: L.Trainer, module: Any) -> None:
        """Stop the clock of the training speed, which scoring is no part of."""
        self.validation_began = time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        """Start it again."""
        self.validated += time.perf_counter() - self.validation_began

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Log what is left of a finished run, then draw; a stopped run goes on with its unfinished row."""
        if module.loss_history and module.progress() >= 1:
            self.log_row(trainer, module)
        history = self.folder / "metrics.csv"
        if trainer.is_global_zero and history.exists():
            plot_curves(history, self.folder / "curves.png")

    def log_row(self, trainer: L.Trainer, module: Any) -> None:
        """Read the figures since the last row."""
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
        passed = now - self.last_time
        rate = (images_seen - self.last_images) / (passed - self.validated)
        self.seconds += passed
        self.validated = 0.0
        self.last_time, self.last_images = now, images_seen
        return {"time/seconds": self.seconds, "time/images_per_second": rate}

    def state_dict(self) -> dict[str, float]:
        """Return the seconds trained so far, for the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Go on counting the seconds of a resumed run."""
        self.seconds = state_dict["seconds"]
