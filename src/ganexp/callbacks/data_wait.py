"""Share of the time for which training waits for its data."""

import logging
import time
from collections import deque
from typing import Any

log = logging.getLogger(__name__)

WINDOW_SECONDS = 30.0
MARK_SECONDS = 1.0
SHOWN_FROM = 0.2
"""The share of a window from which training is said to wait for its data."""
REMEDIES = (
    "data.in_memory=true, more data.workers, data.resize_filter=torch_bicubic or a packed set (data pack) may help "
    "(docs/data.md, «Speed»)"
)


class DataWait:
    """Measures the share of the time that the training loop spends in its loader's `next` (`TimedLoader`).

    Nothing is synchronized with a device: a device that has work queued is not kept from it. Loaders of other kinds
    are not measured.
    """

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()
        """Times, and the seconds waited until then: the start, then one every `MARK_SECONDS` of the last window."""
        self._start: tuple[float, float] | None = None
        self._is_logged = False

    def start(self, trainer: Any) -> None:
        """Forget what was measured, and measure from here on."""
        waited = _waited_seconds(trainer)
        self._start = None if waited is None else (time.perf_counter(), waited)
        self._marks = deque([] if self._start is None else [self._start])

    def update(self, trainer: Any) -> None:
        """Move the window on; call it after each batch."""
        now = time.perf_counter()
        if not self._marks or now < self._marks[-1][0] + MARK_SECONDS:
            return
        waited = _waited_seconds(trainer)
        if waited is None:
            return
        self._marks.append((now, waited))
        while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW_SECONDS:
            self._marks.popleft()
        if not self._is_logged and trainer.is_global_zero and self._is_full():
            self._log_once()

    def text(self) -> str:
        """Return the share of the last window as text if it is large, else an empty text."""
        share = self.recent_share()
        return f"waiting for data {share:.0%}".replace("%", " %") if share >= SHOWN_FROM else ""

    def recent_share(self) -> float:
        """Return the share of the last window, in [0, 1]."""
        return _share(self._marks[0], self._marks[-1]) if self._marks else 0.0

    def total_share(self, trainer: Any) -> float | None:
        """Return the share of the time since the start, in [0, 1]; None if it is not measured."""
        waited = _waited_seconds(trainer)
        if self._start is None or waited is None:
            return None
        return _share(self._start, (time.perf_counter(), waited))

    def _is_full(self) -> bool:
        return self._marks[-1][0] - self._marks[0][0] >= WINDOW_SECONDS

    def _log_once(self) -> None:
        if self.text():
            self._is_logged = True
            log.info("%s of the last %.0f s: %s", self.text(), WINDOW_SECONDS, REMEDIES)


def _waited_seconds(trainer: Any) -> float | None:
    """Return the seconds that the trainer's loader was waited for, None for a loader that does not measure them."""
    waited = getattr(getattr(trainer, "train_dataloader", None), "waited_seconds", None)
    return None if waited is None else float(waited)


def _share(first: tuple[float, float], last: tuple[float, float]) -> float:
    seconds, waited = last[0] - first[0], last[1] - first[1]
    return min(max(waited / seconds, 0.0), 1.0) if seconds > 0 else 0.0
