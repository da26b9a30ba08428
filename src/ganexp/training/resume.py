"""Continuation of a run that its folder already holds: begun, interrupted or finished."""

from pathlib import Path

from ganexp.distributed import slurm
from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.fixed_settings import describe_changes, fixed_settings
from ganexp.runs.run import Run
from ganexp.runs.whole_checkpoint import newest_whole_checkpoint


def has_begun(folder: Path) -> bool:
    """Return whether ``folder`` holds a run."""
    return (folder / run_folder.CONFIG).is_file()


def continue_begun(run: Run) -> Run | None:
    """Return the run of a folder that holds one, set to start from its last checkpoint; None if it is finished.

    Raises UserError if the folder's run has other settings, or has a checkpoint and was not asked to continue.
    """
    continues = run.config.get("autoresume") or run.config.get("skip_finished") or slurm.batch_job() is not None
    if is_rank_zero() and not continues and run_folder.has_checkpoint(run.folder):
        raise UserError(
            f"run_dir={run.folder} already contains a run; continue it with resume={run.folder} or autoresume=true, or "
            "choose another folder"
        )
    return continue_run(run)


def continue_run(run: Run) -> Run | None:
    """Return the run, set to start from its last checkpoint if it has one; None if it is finished.

    Raises UserError if the folder's run has other settings.
    """
    if is_rank_zero():
        require_same_settings(run)
    if not (run.folder / run_folder.CHECKPOINTS / "last.ckpt").is_file():
        return run
    checkpoint = newest_whole_checkpoint(run.folder)

    from ganexp.game.module import COUNTERS
    from ganexp.runs.checkpoint import load_checkpoint

    images_seen = load_checkpoint(checkpoint)[COUNTERS]["images_seen"]
    return run.starting_from(checkpoint) if images_seen < run.config.images else None


def discard(folder: Path) -> None:
    """Remove the output of a run that was interrupted before its first checkpoint."""
    from ganexp.training.rollback import discard_after

    discard_after(folder, 0)
    (folder / run_folder.CONFIG).unlink(missing_ok=True)


def require_same_settings(run: Run) -> None:
    """Raise UserError naming the fixed settings in which the folder's run differs."""
    changes = describe_changes(run.fixed, fixed_settings(run_folder.read_config(run.folder)))
    if changes:
        raise UserError(f"{run.folder} holds a run with other settings ({changes}): choose another folder")
