"""Switch of CUDA graphs: on a GPU, turns are captured and replayed where that holds."""

import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch

from ganexp.errors import one_line
from ganexp.game.captured_turn import GraphBackend
from ganexp.game.turn_graphs import TurnGraphs
from ganexp.numerics.cuda_graphs import CUDAGraphs
from ganexp.records import summary

log = logging.getLogger(__name__)

BACKWARD_HOOKS = ("on_before_backward", "on_after_backward")


class CaptureTurns(L.Callback):
    """Captures the turns of a game on a GPU in CUDA graphs, and records in ``folder``/summary.json which are not.

    ``check``: some replays are compared with eager turns.
    """

    def __init__(self, folder: Path, check: bool = True) -> None:
        self.folder = folder
        self.check = check
        self.graphs: TurnGraphs | None = None

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Let graphs compute the gradients, if nothing is against it."""
        try:
            backend = graph_backend(module.device)
        except Exception as error:
            return self.refuse(trainer, f"the GPU offers none: {one_line(error)}")
        if backend is None:
            return
        reason = objection(trainer, module)
        if reason:
            return self.refuse(trainer, reason)
        self.graphs = TurnGraphs(module, backend, self.check, exact=torch.are_deterministic_algorithms_enabled())

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Record what was captured, and release the graphs and their memory."""
        if self.graphs is not None and trainer.is_global_zero:
            summary.update(self.folder, graphs=self.graphs.report())
        self.close()

    def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
        """Release the graphs and their memory."""
        self.close()

    def refuse(self, trainer: Any, reason: str) -> None:
        """Log and record why turns stay eager."""
        log.info("graphs: turns are not captured in CUDA graphs: %s", reason)
        if trainer.is_global_zero:
            summary.update(self.folder, graphs=reason)

    def close(self) -> None:
        """Release the graphs, if there are any."""
        if self.graphs is not None:
            self.graphs.close()
            self.graphs = None


def graph_backend(device: torch.device) -> GraphBackend | None:
    """Return what captures turns on a device; None for a device without graphs."""
    return CUDAGraphs(device) if device.type == "cuda" else None


def objection(trainer: Any, module: Any) -> str:
    """Return why the turns of this Trainer cannot be captured, empty if nothing is against it."""
    if module.device.type == "cuda" and not hasattr(torch.cuda.CUDAGraph, "register_generator_state"):
        return f"torch {torch.__version__} cannot seed the random numbers of a graph"
    if torch.is_anomaly_enabled():
        return "trainer.detect_anomaly=true"
    for part in (*trainer.callbacks, module):
        for hook in BACKWARD_HOOKS:
            base = L.Callback if isinstance(part, L.Callback) else L.LightningModule
            if getattr(type(part), hook) is not getattr(base, hook):
                return f"{type(part).__name__}.{hook} is called in each turn"
    return ""
