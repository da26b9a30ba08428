"""SLURM batch jobs: the current job's name, preemption and requeueing."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass

from ganexp.terminal.signals import existing

WARNINGS = existing("SIGUSR1", "SIGUSR2")
"""Signals that a job requests with ``--signal``, some time before its limit."""
PATIENCE_SECONDS = 60


class NotRequeued(Exception):
    """SLURM refused to requeue the job; the message is SLURM's."""


@dataclass(frozen=True)
class BatchJob:
    """A job's number, and the job step of this process, if any."""

    number: str
    step: str | None = None

    @property
    def name(self) -> str:
        """Return the name of the job or step, which stays the same when SLURM restarts the job."""
        return f"slurm-{self.number}" + (f"-{self.step}" if self.step else "")

    def should_requeue(self, number: int) -> bool:
        """Return whether a signal calls for a requeue: the job is preempted, or near its time limit.

        SLURM sends SIGTERM both before it preempts a job and when a user cancels it.
        """
        return number in WARNINGS or (number == signal.SIGTERM and self.is_preempted())

    def is_preempted(self) -> bool:
        """Return whether SLURM is preempting the job; a cancelled job is no longer in state RUNNING."""
        fields = dict(re.findall(r"(\w+)=(\S+)", scontrol("show", "job", self.number)))
        return fields.get("JobState") == "RUNNING" and fields.get("PreemptTime", "None") != "None"

    def requeue(self) -> None:
        """Requeue the job, which ends all of its processes.

        Raises NotRequeued if SLURM refuses.
        """
        scontrol("requeue", self.number)


def batch_job() -> BatchJob | None:
    """Return this process's batch job, None on a login node and in an interactive session."""
    environment = os.environ
    if environment.get("ENVIRONMENT") != "BATCH" or "SLURM_JOB_ID" not in environment:
        return None
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    number = f"{array}_{task}" if array and task else environment["SLURM_JOB_ID"]
    return BatchJob(number, environment.get("SLURM_STEP_ID"))


def scontrol(*arguments: str) -> str:
    """Run scontrol and return its output.

    Raises NotRequeued with its error message if it fails.
    """
    try:
        completed = subprocess.run(["scontrol", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRequeued(str(error)) from error
    if completed.returncode:
        raise NotRequeued(" ".join(completed.stderr.split()) or f"scontrol exited with status {completed.returncode}")
    return completed.stdout
