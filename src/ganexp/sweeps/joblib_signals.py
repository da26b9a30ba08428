"""Signal handling for sweeps in joblib's worker processes, which joblib would kill while they save."""

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
    """After Ctrl-C or SIGTERM, let active runs save and start no further ones; a second signal takes effect at once."""
    stop = sweep / STOP
    stop.unlink(missing_ok=True)

    def wait_for_workers(number: int, frame: FrameType | None) -> None:
        signal.signal(number, previous[number])
        workers = multiprocessing.active_children()
        if not workers:
            signal.raise_signal(number)
            return
        stop.touch()
        # A terminal sends Ctrl-C to the workers as well.
        for worker in workers if number == signal.SIGTERM else ():
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGINT)

    previous: dict[int, Any] = {
        number: signal.signal(number, wait_for_workers) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        stop.unlink(missing_ok=True)


def is_stopped(sweep: Path) -> bool:
    """Return whether no further run of the sweep may start."""
    return (sweep / STOP).exists()


@contextmanager
def interruptible(parent_pid: int) -> Iterator[None]:
    """Handle Ctrl-C during a job in a worker process, and ignore it afterwards.

    An idle worker that ends would take the others down with it. Raises Interrupted for Ctrl-C. In the process
    ``parent_pid`` nothing changes.
    """
    if os.getpid() == parent_pid:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as interruption:
        raise Interrupted(signal.SIGINT, "stopped before there was anything to save") from interruption
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
