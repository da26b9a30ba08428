"""Graceful stop on Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2: finish the batch, save, stop."""

import logging
import signal
from types import FrameType
from typing import Any

import lightning as L

from ganexp.callbacks.end import End
from ganexp.distributed.collectives import AsyncMax
from ganexp.terminal.signals import STOPPING, is_nohup

log = logging.getLogger(__name__)


class GracefulStop(L.Callback):
    """Stops after the current batch on a signal that asks for it, never between two players' turns.

    ``received`` is then the signal's number. A second Ctrl-C interrupts at once; the others may arrive repeatedly, as
    SLURM sends them. Under nohup, which ignores SIGHUP, the run outlives its terminal. Ranks stop together, after the
    following batch, whichever of them received the signal.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.stop_signal: AsyncMax | None = None
        self.previous: dict[int, Any] = {}

    def setup(self, trainer: L.Trainer, module: Any, stage: str) -> None:
        """Save the signal handlers before Lightning installs its own, which are gone again when these are restored."""
        self.previous = {number: signal.getsignal(number) for number in STOPPING if not is_nohup(number)}

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Install handlers after Lightning, whose own would end training between two players' turns."""
        self.stop_signal = AsyncMax()
        for number in self.previous:
            signal.signal(number, self._receive)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Receive what other ranks have reported."""
        if self.stop_signal is not None:
            self.received = self.stop_signal.end() or self.received

    def teardown(self, trainer: L.Trainer, module: Any, stage: str) -> None:
        """Restore the signal handlers."""
        self._restore()

    def on_exception(self, trainer: L.Trainer, module: Any, exception: BaseException) -> None:
        """Restore the signal handlers."""
        self._restore()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Stop if a rank has received a signal."""
        received = self.received or 0
        number = received if self.stop_signal is None else self.stop_signal.ask(received)
        if number:
            self.received = number
            trainer.should_stop = True

    def end(self) -> End | None:
        """Return the signal that ended training, None if none did."""
        return None if self.received is None else End(f"stopped by {signal.Signals(self.received).name}")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        log.warning("%s: saving after this batch, then stopping", signal.Signals(number).name)
        if number == signal.SIGINT:
            signal.signal(number, self.previous[number])

    def _restore(self) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        self.previous = {}
