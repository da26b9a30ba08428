"""Checkpoints that are always whole."""

from pathlib import Path
from typing import Any

import lightning as L
import torch

from ganexp.callbacks.pace import Every
from ganexp.errors import UserError


class LastCheckpoint(L.Callback):
    """Writes last.ckpt every so many images and at the end, by way of a temporary file.

    Refuses to replace a good checkpoint by one whose weights are not finite.
    """

    def __init__(self, folder: str, every: int) -> None:
        self.path = Path(folder) / "last.ckpt"
        self.every = Every(every)

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Count from here."""
        self.every.start(module.images_seen)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Save when it is time."""
        if self.every.due(module.images_seen):
            self.save(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Save the last state."""
        self.save(trainer, module)

    def save(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write a new last.ckpt, then put it in the place of the old one."""
        require_finite_weights(module)
        unfinished = self.path.with_suffix(".tmp")
        trainer.save_checkpoint(unfinished)
        if trainer.is_global_zero:
            unfinished.replace(self.path)


def require_finite_weights(module: L.LightningModule) -> None:
    """Raise UserError naming the first weights that are not finite."""
    parameters = dict(module.named_parameters())
    norms = torch.stack(torch._foreach_norm([p.detach() for p in parameters.values()]))
    for name, finite in zip(parameters, norms.isfinite().tolist(), strict=True):
        if not finite:
            raise UserError(f"the weights {name} are not finite; try a lower learning rate or model.gradient_clip=1")
