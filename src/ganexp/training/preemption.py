"""Preemption of SLURM jobs: a preempted job is requeued, one that a user stops is not."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from ganexp.distributed import slurm
from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import Interrupted, one_line
from ganexp.records import summary

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, *slurm.WARNINGS)


@contextmanager
def requeued_when_preempted(folder: Path) -> Iterator[None]:
    """Handle signals, also before training begins, and requeue the job after a preemption.

    The summary.json in ``folder`` then says so. Raises Interrupted if a signal came. Outside of a SLURM job signals are
    left alone.
    """
    job = slurm.batch_job()
    if job is None:
        yield
        return
    previous = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    except Interrupted as interruption:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if not is_rank_zero():
            # A non-zero exit status could make SLURM kill rank 0, which requeues.
            return
        requeue(job, interruption.signal_number, previous, folder)
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Interrupt the program, and ignore further signals: SLURM sends several."""
    for ignored in SIGNALS:
        signal.signal(ignored, signal.SIG_IGN)
    raise Interrupted(number, "stopped before there was anything to save")


def requeue(job: slurm.BatchJob, number: int, previous: dict[Any, Any], folder: Path) -> None:
    """Requeue the job if the signal calls for it."""
    name = signal.Signals(number).name
    try:
        if not job.should_requeue(number):
            log.info("%s without preemption: job %s is not requeued", name, job.number)
            return
        log.info("%s: job %s is requeued, and continues from here when SLURM restarts it", name, job.number)
        if os.environ.get("SUBMITIT_EXECUTOR") == "slurm":
            hand_over_to_submitit(previous)
        else:
            job.requeue()
        record_requeued(folder, f"{name}: job {job.number} is requeued")
    except slurm.NotRequeued as error:
        log.warning("job %s is not requeued: %s; start the same command again to continue", job.number, error)


def record_requeued(folder: Path, reason: str) -> None:
    """Record in summary.json that the job was requeued, if training had begun."""
    # A full disk must not hide the interruption.
    with suppress(OSError):
        if summary.read(folder):
            summary.update(folder, reason=reason)


def hand_over_to_submitit(previous: dict[Any, Any]) -> None:
    """Let submitit count its restarts and requeue the job, as it does when it gets this signal itself.

    Raises NotRequeued with submitit's message if its limit of restarts is reached.
    """
    number = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}")
    signal.signal(number, previous[number])
    try:
        signal.raise_signal(number)
    except Exception as error:
        raise slurm.NotRequeued(one_line(error)) from error
