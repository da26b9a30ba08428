"""Progress bar: images seen, time left, speed, time waited for data, losses and discriminator outputs."""

import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import lightning as L
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ganexp.callbacks.curves import Curves
from ganexp.callbacks.data_wait import DataWait
from ganexp.callbacks.game_module import GameModule
from ganexp.distributed import gpu_memory
from ganexp.terminal.notebook import Show, notebook_line

log = logging.getLogger(__name__)

REFRESH_SECONDS = 0.5
FIRST_SILENCE = 60.0
"""Seconds until a line is printed where there is no terminal; from line to line twice as long, to the longest."""
LONGEST_SILENCE = 3600.0
SHORT_NAMES = {
    "loss/discriminator/adversarial": "loss D",
    "loss/generator/adversarial": "loss G",
    "discriminator/real_output": "D(x)",
    "discriminator/fake_output": "D(G(z))",
}
"""What is shown, by column; of a loss in several directions, such as CycleGAN's adversarial_a2b, the sum."""


class ImageProgress(L.Callback):
    """Shows a live bar in a terminal or a live line in a notebook; elsewhere prints lines.

    There is a line for each tenth of the budget, and for slow runs others after 1, 3, 7, … minutes, then each hour.
    """

    def __init__(self) -> None:
        self.bar: Progress | None = None
        self.line: Show | None = None
        self.started: tuple[float, int] | None = None
        """The time at which training started, and the images seen by then."""
        self.wait = DataWait()

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Open the bar."""
        self.curves = next((c for c in trainer.callbacks if isinstance(c, Curves)), None)
        self.console = Console(stderr=True)
        self.next_refresh = 0.0
        self.started = time.perf_counter(), module.images_seen
        self.wait.start(trainer)
        self.tenths = module.images_seen * 10 // module.images
        self.silence = FIRST_SILENCE
        self.next_line = time.perf_counter() + self.silence
        if self.console.is_terminal and trainer.is_global_zero:
            self.bar = Progress(
                BarColumn(bar_width=20),
                TextColumn("{task.completed:,.0f}/{task.total:,.0f} images"),
                TextColumn("{task.fields[metrics]}"),
                console=self.console,
                auto_refresh=False,
            )
            self.task = self.bar.add_task("", total=module.images, metrics="")
            self.bar.start()
        elif trainer.is_global_zero:
            self.line = notebook_line()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Refresh at most twice a second, as each refresh takes milliseconds."""
        self.wait.update(trainer)
        if self.bar is None and self.line is None:
            self._print_line_if_due(trainer, module)
        elif time.perf_counter() >= self.next_refresh:
            self._refresh(module)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Show the last state and close the bar."""
        self._refresh(module)
        self._close()

    def on_exception(self, trainer: L.Trainer, module: Any, exception: BaseException) -> None:
        """Close the bar, which leaves the terminal usable."""
        self._close()

    def _close(self) -> None:
        if self.bar is not None:
            with suppress(OSError):
                self.bar.stop()

    def _refresh(self, module: GameModule) -> None:
        metrics = self._texts(module)
        try:
            if self.bar is not None:
                self.bar.update(self.task, completed=module.images_seen, metrics=metrics, refresh=True)
        except OSError:
            # Training outlives its terminal.
            self.bar = None
        if self.line is not None:
            self.line(f"{images_text(module)}  {metrics}")
        self.next_refresh = time.perf_counter() + REFRESH_SECONDS

    def _print_line_if_due(self, trainer: L.Trainer, module: GameModule) -> None:
        tenths, now = module.images_seen * 10 // module.images, time.perf_counter()
        if tenths == self.tenths and now < self.next_line:
            return
        if now >= self.next_line:
            self.silence = min(2 * self.silence, LONGEST_SILENCE)
            self.next_line = now + self.silence
        self.tenths = tenths
        if trainer.is_global_zero:
            log.info("%s  %s", images_text(module), self._texts(module))

    def _texts(self, module: GameModule) -> str:
        waiting = [text for text in [self.wait.text()] if text]
        return "  ".join([*self._speed_texts(module), *waiting, self._metrics_text(module.device)])

    def _speed_texts(self, module: GameModule) -> list[str]:
        """Return the latest rate, or the average where none is measured yet, and the time left at that rate."""
        rate = self.curves.latest.get("time/images_per_second", 0.0) if self.curves is not None else 0.0
        if rate == 0 and self.started is not None:
            time_started, images_started = self.started
            rate = (module.images_seen - images_started) / max(time.perf_counter() - time_started, 1e-9)
        if not 0 < rate < math.inf:
            return []
        return [f"{rate_text(rate)} images/s", f"{duration_text((module.images - module.images_seen) / rate)} left"]

    def _metrics_text(self, device: torch.device) -> str:
        latest = self.curves.latest if self.curves is not None else {}
        shown = [f"{short} {sum(of):.2f}" for name, short in SHORT_NAMES.items() if (of := columns(latest, name))]
        peak = gpu_memory.peak_bytes(device)
        if peak is not None:
            shown.append(f"GPU memory {peak // gpu_memory.MEBIBYTE:,} MiB")
        return "  ".join(shown)


def columns(latest: Mapping[str, float], name: str) -> list[float]:
    """Return the latest value of a column, or of a loss those of its directions where it has several."""
    if name in latest:
        return [latest[name]]
    return [value for column, value in latest.items() if name.startswith("loss/") and column.startswith(f"{name}_")]


def images_text(module: GameModule) -> str:
    """Return the images seen of the budget, as text."""
    return f"{module.images_seen:,}/{module.images:,} images"


def rate_text(rate: float) -> str:
    """Return a rate as text, with two digits below 10: 1,234, 3.2, 0.31."""
    return f"{rate:,.0f}" if rate >= 9.5 else f"{rate:.2g}"


def duration_text(seconds: float) -> str:
    """Return a duration as text: 0:42, 2:03:20 or, of days, 3 d 4 h."""
    minutes, second = divmod(round(max(seconds, 0)), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24:,} d {hours % 24} h"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
