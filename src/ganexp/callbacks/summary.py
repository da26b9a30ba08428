"""Run summaries: status, cost and the reason of the end, for comparisons."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only

from ganexp.callbacks.end import end_of_training
from ganexp.callbacks.game_module import GameModule
from ganexp.callbacks.progress import ImageProgress
from ganexp.distributed import gpu_memory
from ganexp.distributed.devices import device_name, is_gpu
from ganexp.errors import one_line
from ganexp.records import peak_memory, summary
from ganexp.records.class_names import class_names
from ganexp.terminal.commands import resume_command


class Summary(L.Callback):
    """Updates ``folder``/summary.json: how the run stands, why it ended and what it took.

    That is its status, times, device, memory, parameters and images per update by player, the classes' names, the
    reason of the end and the command that continues it. A resumed run keeps its first start time and its highest memory
    peak. On a GPU, ``gpu_memory`` holds the peaks since the last start and the device's size, in MiB. Times are not in
    metrics.csv, so that its rows are the same whether or not a run was interrupted. ``permissions`` returns what the
    command needs to accept the user's own code, addresses and folders.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.permissions: Callable[[], tuple[str, ...]] = tuple

    @rank_zero_only
    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Record what is known at the start, and reset the memory peak."""
        before = summary.read(self.folder)
        reset_peak(module.device)
        now = summary.present_time()
        summary.update(
            self.folder,
            status=summary.RUNNING,
            reason=None,
            continue_with=None,
            started=before.get("started", now),
            ended=None,
            resumed=before.get("resumed", -1) + 1,
            process={"host": platform.node(), "pid": os.getpid()},
            device=device_name(module.device),
            ranks=trainer.world_size,
            **{summary.CLASSES: class_names(trainer.datamodule)},
            parameters={p.name: sum(w.numel() for w in p.network.parameters()) for p in module.players()},
            images_per_update={p.name: p.every * trainer.datamodule.batch_size for p in module.players()},
        )

    @rank_zero_only
    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Record whether the budget was spent, or what else ended training."""
        end = end_of_training(trainer)
        status = summary.FINISHED if module.progress() >= 1 else summary.STOPPED
        self._end(trainer, module, status, end.reason, end.overrides)

    @rank_zero_only
    def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
        """Record the reason of the end."""
        stopped = isinstance(exception, KeyboardInterrupt | SystemExit)
        # A full disk must not hide the exception.
        with suppress(OSError):
            self._end(trainer, module, summary.STOPPED if stopped else summary.CRASHED, one_line(exception))

    def _end(self, trainer: Any, module: GameModule, status: str, reason: str, overrides: tuple[str, ...] = ()) -> None:
        peaks = [summary.read(self.folder).get("peak_memory_bytes"), peak_bytes(module.device)]
        used = gpu_memory.usage(module.device)
        summary.update(
            self.folder,
            status=status,
            reason=reason,
            continue_with=self._command(overrides),
            ended=summary.present_time(),
            images_seen=module.images_seen,
            peak_memory_bytes=max((peak for peak in peaks if peak is not None), default=None),
            peak_memory_of="GPU" if is_gpu(module.device) else "process",
            waited_for_data=waited_share(trainer),
            **({} if used is None else {"gpu_memory": used}),
        )

    def _command(self, overrides: tuple[str, ...]) -> str | None:
        """Return the command that continues the run, None if it has no checkpoint to continue from."""
        has_checkpoint = (self.folder / "checkpoints" / "last.ckpt").is_file()
        return resume_command(self.folder.absolute(), (*overrides, *self.permissions())) if has_checkpoint else None


def waited_share(trainer: Any) -> float | None:
    """Return the share of the time since the last start for which training waited for its data, None if unknown."""
    progress = next((callback for callback in trainer.callbacks if isinstance(callback, ImageProgress)), None)
    share = None if progress is None else progress.wait.total_share(trainer)
    return None if share is None else round(share, 3)


def reset_peak(device: torch.device) -> None:
    """Reset the memory peak."""
    if is_gpu(device):
        gpu_memory.reset_peak(device)
    else:
        peak_memory.reset_peak()


def peak_bytes(device: torch.device) -> int | None:
    """Return the memory peak in bytes: allocated by torch on a GPU, else resident in this process."""
    return gpu_memory.peak_bytes(device) if is_gpu(device) else peak_memory.peak_bytes()
