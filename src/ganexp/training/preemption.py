"""In a SLURM job, what is stopped by preemption goes back into the queue; what a user stops does not."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ganexp.distributed import slurm
from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import Interrupted, one_line

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, *slurm.WARNINGS)


@contextmanager
def requeued_when_preempted() -> Iterator[None]:
    """Watch for signals, also before training begins; after a preemption put the job back into the queue.

    Raises Interrupted if a signal came. Outside of a SLURM job nothing is watched.
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
            # A bad exit status could make SLURM kill the first process, which requeues.
            return
        requeue(job, interruption.signal_number, previous)
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """End what is going on, and hear no further signals: SLURM sends several."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number, "stopped before there was anything to save")


def requeue(job: slurm.BatchJob, number: int, previous: dict[Any, Any]) -> None:
    """Put the job back into the queue if the signal says so."""
    name = signal.Signals(number).name
    try:
        if not job.should_requeue(number):
            log.info("%s without preemption: job %s is not requeued", name, job.number)
            return
        log.info("%s: job %s goes back into the queue, and on from here when it is started again", name, job.number)
        if os.environ.get("SUBMITIT_EXECUTOR") == "slurm":
            hand_over_to_submitit(previous)
        else:
            job.requeue()
    except slurm.NotRequeued as error:
        log.warning("job %s is not requeued: %s; start the same command again to go on", job.number, error)


def hand_over_to_submitit(previous: dict[Any, Any]) -> None:
    """Let submitit count its restarts and requeue the job, as it does when it gets this signal itself.

    Raises NotRequeued in its words if it was restarted as often as it may.
    """
    number = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}")
    signal.signal(number, previous[number])
    try:
        signal.raise_signal(number)
    except Exception as error:
        raise slurm.NotRequeued(one_line(error)) from error
