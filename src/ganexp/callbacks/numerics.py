"""Numerical settings of a run: their record in summary.json, and the memory format of networks and optimizers."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only

from ganexp.numerics.flags import Numerics
from ganexp.records import summary


class RecordNumerics(L.Callback):
    """Records the numerical settings in ``folder``/summary.json."""

    def __init__(self, numerics: Numerics, folder: Path) -> None:
        self.numerics = numerics
        self.folder = folder

    @rank_zero_only
    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Record the settings and the Trainer's precision."""
        recorded = {
            **asdict(self.numerics),
            "matmul_precision": "high" if self.numerics.tf32 else "highest",
            "precision": str(trainer.precision),
        }
        summary.update(self.folder, numerics=recorded)


class ChannelsLast(L.Callback):
    """Stores the players' weights, their moving averages and the images in memory as (N, H, W, C)."""

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Convert the 4-dimensional weights in place, so that optimizers keep the same parameters."""
        for player in module.players():
            player.network.to(memory_format=torch.channels_last)
            if player.average is not None:
                player.average.network.to(memory_format=torch.channels_last)

    def on_train_batch_start(self, trainer: Any, module: Any, batch: dict[str, Any], batch_idx: int) -> None:
        """Convert the images."""
        for name, value in batch.items():
            if value.dim() == 4:
                batch[name] = value.contiguous(memory_format=torch.channels_last)


class OptimizersLikeWeights(L.Callback):
    """Stores the optimizers' state in the memory format of the weights, of which a checkpoint may have another.

    Fused optimizers step through the memory of both alike, and would pair the elements wrongly.
    """

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Convert every tensor of the state that has the shape of its weight."""
        for optimizer in trainer.optimizers:
            for weight, state in optimizer.state.items():
                for name, value in state.items():
                    if isinstance(value, torch.Tensor) and value.shape == weight.shape:
                        state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)
