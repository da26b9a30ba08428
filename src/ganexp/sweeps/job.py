"""Sweep jobs: training, continuing or skipping one run, and its outcome."""

from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import Interrupted, Pruned, one_line
from ganexp.numerics.flags import restored_flags
from ganexp.records import summary
from ganexp.runs.run import Run
from ganexp.sweeps import status
from ganexp.sweeps.status import Outcome
from ganexp.training import remote_errors

Check = Callable[[DictConfig], None]
Start = Callable[[Run, list[str]], None]


def train(run: Run, overrides: list[str], check: Check, start: Start) -> Outcome:
    """Train a run, or the rest of it, and return its outcome; nothing is raised.

    ``check`` raises for a configuration that cannot work; ``start`` trains the run that the overrides compose. A run
    locked by another process is left to it. With ``skip_finished`` a finished run is skipped. Where srun has launched
    several ranks, rank 0 records the outcome.
    """
    if not is_rank_zero():
        return train_on_other_rank(run, overrides, check, start)
    with status.locked(run.folder) as has_lock:
        if not has_lock:
            return Outcome(summary.RUNNING, overrides)
        before = status.read(run.folder)
        if run.config.get("skip_finished") and before is not None and before.status in status.DONE:
            return before
        monitor = OmegaConf.select(run.config, "scoring.monitor")
        state: str = summary.REFUSED
        try:
            check(run.config)
            state = summary.CRASHED
            with restored_flags():
                start(run, overrides)
        except Pruned as pruned:
            return status.record(run.folder, overrides, summary.PRUNED, monitor, reason=str(pruned), error=None)
        except Exception as error:
            state = summary.STOPPED if isinstance(error, Interrupted) else state
            return status.record(run.folder, overrides, state, monitor, **describe_failure(error))
        return status.record(run.folder, overrides, summary.FINISHED, monitor, reason=limit_of(run), error=None)


def limit_of(run: Run) -> str | None:
    """Return the limit that ended training before its budget was spent, such as a time; None if there was none."""
    ended = status.read(run.folder)
    return ended.reason if ended is not None and ended.status == summary.STOPPED else None


def train_on_other_rank(run: Run, overrides: list[str], check: Check, start: Start) -> Outcome:
    """Train as a rank other than 0, and return the outcome."""
    try:
        check(run.config)
        start(run, overrides)
    except Exception as error:
        state = summary.STOPPED if isinstance(error, Interrupted) else summary.CRASHED
        return Outcome(state, overrides, **describe_failure(error))
    return Outcome(summary.FINISHED, overrides)


def describe_failure(error: Exception) -> dict[str, Any]:
    """Return an error as a one-line reason and, for the process that runs the sweep, in serialized form.

    The exception itself would keep the run's networks alive.
    """
    is_foreseen = isinstance(error, remote_errors.FORESEEN)
    reason = one_line(error) if is_foreseen else f"{type(error).__name__}: {one_line(error)}"
    return {"reason": reason, "error": remote_errors.to_dict(error, 0)}
