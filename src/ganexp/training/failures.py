"""Record of a failed run's end, for failures of which the process that trained could record nothing or less."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import Interrupted, Pruned, one_line
from ganexp.records import summary

log = logging.getLogger(__name__)


@contextmanager
def recorded_failure(folder: Path) -> Iterator[None]:
    """Record in summary.json the error that ends a run, if training had begun.

    A rank that is killed records nothing, and the others only that they lost it.
    """
    before = summary.read(folder)
    try:
        yield
    except Pruned:
        raise
    except Exception as error:
        if is_rank_zero():
            record(folder, before, error)
        raise


@contextmanager
def continuation_named(folder: Path) -> Iterator[None]:
    """Log the command that continues from the last checkpoint, where training ends with an error that names none."""
    before = summary.read(folder).get("resumed")
    try:
        yield
    except Exception as error:
        facts = summary.read(folder)
        command = facts.get("continue_with")
        if is_rank_zero() and command and facts.get("resumed") != before and "resume=" not in str(error):
            log.info("continue from the last checkpoint with: %s", command)
        raise


def record(folder: Path, before: object, error: Exception) -> None:
    """Record an error unless the summary is still as ``before`` training, or has how the run was stopped."""
    now = summary.read(folder)
    is_stopped = isinstance(error, Interrupted)
    unsaid = (summary.RUNNING,) if is_stopped else (summary.RUNNING, summary.CRASHED)
    if now != before and now.get("status") in unsaid:
        status = summary.STOPPED if is_stopped else summary.CRASHED
        # A full disk must not hide the error.
        with suppress(OSError):
            summary.update(folder, status=status, reason=one_line(error), ended=summary.present_time())
