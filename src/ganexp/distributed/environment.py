"""Process environment of a distributed run: the launcher and this process's rank."""

import os


def is_externally_launched() -> bool:
    """Return whether torchrun or srun has already started one process for each device."""
    return is_launched_by_torchrun() or is_launched_by_srun()


def is_launched_by_torchrun() -> bool:
    """Return whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_launched_by_srun() -> bool:
    """Return whether srun has started this process as one of several."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1


def is_rank_zero() -> bool:
    """Return whether this process writes the run's files and prints its messages."""
    if is_externally_launched():
        return os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")) == "0"
    return os.environ.get("RANK", os.environ.get("NODE_RANK", "0")) == "0"
