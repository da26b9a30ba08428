"""One run of a sweep: begun, gone on with or skipped, and what became of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.errors import Interrupted, Pruned, one_line
from ganexp.records import summary
from ganexp.runs import run_folder
from ganexp.sweeps import status as outcome
from ganexp.sweeps.status import Outcome
from ganexp.training import launcher, remote_errors
from ganexp.training.torch_flags import contained

Train = Callable[[DictConfig, Path], None]


def run(
    config: DictConfig, folder: Path, overrides: list[str], check: Callable[[DictConfig], None], train: Train
) -> Outcome:
    """Do what is left to do of the run in ``folder``, and return what became of it; nothing is raised.

    ``check`` refuses a configuration, ``train`` trains in a folder. A run that another process trains is left to it.
    With ``skip_finished`` a finished run is kept. Where srun has started several ranks, the first one keeps the books.
    """
    if not launcher.leads():
        return follow(config, folder, overrides, check, train)
    with outcome.claimed(folder) as ours:
        if not ours:
            return Outcome(summary.RUNNING, overrides)
        before = outcome.read(folder)
        if config.get("skip_finished") and before is not None and before.status in outcome.DONE:
            return before
        monitor = OmegaConf.select(config, "scoring.monitor")
        status: str = summary.REFUSED
        try:
            check(config)
            status = summary.CRASHED
            with contained():
                train(config, folder)
        except Pruned as pruned:
            return outcome.note(folder, overrides, summary.PRUNED, monitor, reason=str(pruned), error=None)
        except Exception as error:
            run_folder.discard_unused(folder)
            status = summary.STOPPED if isinstance(error, Interrupted) else status
            return outcome.note(folder, overrides, status, monitor, **why(error))
        return outcome.note(folder, overrides, summary.FINISHED, monitor, reason=None, error=None)


def follow(
    config: DictConfig, folder: Path, overrides: list[str], check: Callable[[DictConfig], None], train: Train
) -> Outcome:
    """Train as one of the ranks that do not lead, and return what became of it."""
    try:
        check(config)
        train(config, folder)
    except Exception as error:
        return Outcome(summary.STOPPED if isinstance(error, Interrupted) else summary.CRASHED, overrides, **why(error))
    return Outcome(summary.FINISHED, overrides)


def why(error: Exception) -> dict[str, Any]:
    """Return an error for people, and for the process that runs the sweep.

    The exception itself would keep the run's networks alive.
    """
    told = isinstance(error, remote_errors.TOLD)
    reason = one_line(error) if told else f"{type(error).__name__}: {one_line(error)}"
    return {"reason": reason, "error": remote_errors.told(error, 0)}
