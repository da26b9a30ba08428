"""What a run cost and how it ended, for whoever compares runs."""

import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only

from ganexp import gpu_memory, memory, summary
from ganexp.errors import one_line


class Summary(L.Callback):
    """Keeps ``folder``/summary.json: status, times, device, parameters and images an update of each player, memory.

    A resumed run keeps its first start and its highest peak of memory. On a GPU, ``gpu_memory`` has the peaks since the
    last start and the device's size, in MiB. Times are no part of metrics.csv, whose rows are the same whether or not a
    run was interrupted.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    @rank_zero_only
    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Note what is known from the start, and measure memory from here."""
        before = summary.read(self.folder)
        reset_peak(module.device)
        now = present_time()
        summary.update(
            self.folder,
            status=summary.RUNNING,
            reason=None,
            started=before.get("started", now),
            ended=None,
            resumed=before.get("resumed", -1) + 1,
            process={"host": platform.node(), "pid": os.getpid()},
            device=device_name(module.device),
            ranks=trainer.world_size,
            parameters={p.name: sum(w.numel() for w in p.network.parameters()) for p in module.players()},
            images_per_update={p.name: p.every * trainer.datamodule.batch_size for p in module.players()},
        )

    @rank_zero_only
    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Note whether the budget was spent."""
        self._end(module, summary.FINISHED if module.progress() >= 1 else summary.STOPPED, None)

    @rank_zero_only
    def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
        """Note why it ended."""
        stopped = isinstance(exception, KeyboardInterrupt | SystemExit)
        # The exception is what matters: a disk that is full must not hide it.
        with suppress(OSError):
            self._end(module, summary.STOPPED if stopped else summary.CRASHED, one_line(exception))

    def _end(self, module: Any, status: str, reason: str | None) -> None:
        peaks = [summary.read(self.folder).get("peak_memory_bytes"), peak_bytes(module.device)]
        used = gpu_memory.usage(module.device)
        summary.update(
            self.folder,
            status=status,
            reason=reason,
            ended=present_time(),
            images_seen=module.images_seen,
            peak_memory_bytes=max((peak for peak in peaks if peak is not None), default=None),
            peak_memory_of="GPU" if module.device.type == "cuda" else "process",
            **({} if used is None else {"gpu_memory": used}),
        )


def present_time() -> str:
    """Return the time as text, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def device_name(device: torch.device) -> str:
    """Return what a run's speed depends on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def reset_peak(device: torch.device) -> None:
    """Measure memory anew from here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        memory.reset_peak()


def peak_bytes(device: torch.device) -> int | None:
    """Return the most memory used: allocated on a GPU by torch, else resident of this process."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.peak_bytes()
