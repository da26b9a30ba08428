"""Signals in a sweep whose runs are in worker processes of joblib, which would kill them while they save."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ganexp.errors import Interrupted

STOP = ".stop"


@contextmanager
def saves_when_stopped(sweep: Path) -> Iterator[None]:
    """Let runs that are under way save after Ctrl-C or SIGTERM, and no further run begin; a second one acts at once."""
    stop = sweep / STOP
    stop.unlink(missing_ok=True)

    def wait_for_workers(number: int, frame: FrameType | None) -> None:
        signal.signal(number, previous[number])
        workers = multiprocessing.active_children()
        if not workers:
            signal.raise_signal(number)
            return
        stop.touch()
        # A terminal sends Ctrl-C to all of its processes by itself.
        for worker in workers if number == signal.SIGTERM else ():
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGINT)

    previous: dict[int, Any] = {each: signal.signal(each, wait_for_workers) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        stop.unlink(missing_ok=True)


def is_stopped(sweep: Path) -> bool:
    """Return whether no further run of the sweep shall begin."""
    return (sweep / STOP).exists()


@contextmanager
def interruptible(started_by: int) -> Iterator[None]:
    """In another process than ``started_by`` hear Ctrl-C only now: an idle worker that ends takes the others along.

    Raises Interrupted for it.
    """
    if os.getpid() == started_by:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as interruption:
        raise Interrupted(signal.SIGINT, "stopped before there was anything to save") from interruption
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
