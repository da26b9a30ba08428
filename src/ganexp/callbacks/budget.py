"""The training budget, counted in real images shown to the discriminator."""

from typing import Any

import lightning as L

from ganexp.callbacks.game_module import GameModule


class ImageBudget(L.Callback):
    """Stops training after ``images`` real images or ``trainer.max_epochs`` epochs, whichever comes first."""

    def __init__(self, images: int) -> None:
        self.images = images

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Convert epochs to images, as endless data loaders have no epochs."""
        if trainer.max_epochs is not None and trainer.max_epochs > 0:
            self.images = min(self.images, trainer.max_epochs * trainer.datamodule.images_per_epoch)
            module.images = self.images
        self._stop_when_spent(trainer, module)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Stop when the budget is spent."""
        self._stop_when_spent(trainer, module)

    def _stop_when_spent(self, trainer: L.Trainer, module: GameModule) -> None:
        if module.images_seen >= self.images:
            trainer.should_stop = True
