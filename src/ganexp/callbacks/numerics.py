"""Numerical settings of a run: memory format of its networks, and a record of all in summary.json."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only

from ganexp import summary
from ganexp.numerics import Numerics


class RecordNumerics(L.Callback):
    """Notes in ``folder``/summary.json how the run computes."""

    def __init__(self, numerics: Numerics, folder: Path) -> None:
        self.numerics = numerics
        self.folder = folder

    @rank_zero_only
    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Note the settings, and the precision that the Trainer was told."""
        recorded = {
            **asdict(self.numerics),
            "matmul_precision": "high" if self.numerics.tf32 else "highest",
            "precision": str(trainer.precision),
        }
        summary.update(self.folder, numerics=recorded)


class ChannelsLast(L.Callback):
    """Lays the players' weights and the images out in memory as (N, H, W, C)."""

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Convert weights of 4 dimensions; optimizers keep the same parameters."""
        for player in module.players():
            player.network.to(memory_format=torch.channels_last)

    def on_train_batch_start(self, trainer: Any, module: Any, batch: dict[str, Any], batch_idx: int) -> None:
        """Convert images."""
        for name, value in batch.items():
            if value.dim() == 4:
                batch[name] = value.contiguous(memory_format=torch.channels_last)
