"""Waiting of a command that serves a page, until a signal ends it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from ganexp.errors import Interrupted
from ganexp.terminal.signals import existing

ENDING_SIGNALS = existing("SIGTERM", "SIGHUP")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise Interrupted in the block on SIGTERM or SIGHUP, so that everything opened in it is closed."""
    before = {number: signal.signal(number, interrupt) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(number: int, _: FrameType | None) -> None:
    """Raise Interrupted."""
    raise Interrupted(number, "the page is closed")


def until_interrupted() -> None:
    """Wait for Ctrl-C."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
