"""The training budget, counted in real images shown to the discriminator."""

from typing import Any

import lightning as L

from ganexp.callbacks.end import End
from ganexp.callbacks.game_module import GameModule


class ImageBudget(L.Callback):
    """Stops training after ``images`` real images or ``trainer.max_epochs`` epochs, whichever comes first."""

    def __init__(self, images: int) -> None:
        self.images = images
        self.max_epochs: int | None = None
        self.epochs: int | None = None
        self.is_spent = False

    def on_load_checkpoint(self, trainer: Any, module: Any, checkpoint: dict[str, Any]) -> None:
        """Let a run continue in an epoch that was cut short, which Lightning counts as a whole one."""
        epochs = trainer.max_epochs
        if epochs is not None and epochs > 0 and module.images_seen < epochs * trainer.datamodule.images_per_epoch:
            self.max_epochs, trainer.fit_loop.max_epochs = epochs, -1

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Convert epochs to images, as endless data loaders have no epochs."""
        epochs = self.max_epochs or trainer.max_epochs
        if epochs is not None and epochs > 0:
            images = epochs * trainer.datamodule.images_per_epoch
            self.epochs = epochs if images < self.images else None
            self.images = min(self.images, images)
            module.images = self.images
        self._stop_when_spent(trainer, module)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Stop when the budget is spent."""
        self._stop_when_spent(trainer, module)

    def _stop_when_spent(self, trainer: L.Trainer, module: GameModule) -> None:
        self.is_spent = module.images_seen >= self.images
        if self.is_spent:
            trainer.should_stop = True

    def end(self) -> End | None:
        """Return the budget if it is spent."""
        if not self.is_spent:
            return None
        setting, value = ("images", self.images) if self.epochs is None else ("trainer.max_epochs", self.epochs)
        return End(f"{setting}={value} reached", (f"{setting}={2 * value}",), is_finished=True)
