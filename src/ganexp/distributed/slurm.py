"""The SLURM batch job that this process works for: its name, why it is stopped, and its way back into the queue."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass

WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals that a job asks for by ``--signal``, some time before it has to stop."""
PATIENCE_SECONDS = 60


class NotRequeued(Exception):
    """SLURM did not take the job back, in its own words."""


@dataclass(frozen=True)
class BatchJob:
    """A job, by its number, and the step of it that this process belongs to, if any."""

    number: str
    step: str | None = None

    @property
    def name(self) -> str:
        """Return the name of what this step does, which is the same when SLURM starts the job again."""
        return f"slurm-{self.number}" + (f"-{self.step}" if self.step else "")

    def should_requeue(self, number: int) -> bool:
        """Return whether a signal means that the job shall go on later: it is preempted, or its time is nearly up.

        SLURM sends SIGTERM both before it preempts a job and when a user cancels it.
        """
        return number in WARNINGS or (number == signal.SIGTERM and self.is_preempted())

    def is_preempted(self) -> bool:
        """Return whether SLURM wants the job's place for another; a job that is cancelled is completing already."""
        said = dict(re.findall(r"(\w+)=(\S+)", scontrol("show", "job", self.number)))
        return said.get("JobState") == "RUNNING" and said.get("PreemptTime", "None") != "None"

    def requeue(self) -> None:
        """Put the job back into the queue, which ends all of its processes.

        Raises NotRequeued if SLURM refuses.
        """
        scontrol("requeue", self.number)


def batch_job() -> BatchJob | None:
    """Return the batch job that this process works for, None on a login node and in an interactive session."""
    environment = os.environ
    if environment.get("ENVIRONMENT") != "BATCH" or "SLURM_JOB_ID" not in environment:
        return None
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    number = f"{array}_{task}" if array and task else environment["SLURM_JOB_ID"]
    return BatchJob(number, environment.get("SLURM_STEP_ID"))


def scontrol(*arguments: str) -> str:
    """Return what scontrol answers.

    Raises NotRequeued with its words if it fails.
    """
    try:
        ended = subprocess.run(["scontrol", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRequeued(str(error)) from error
    if ended.returncode:
        raise NotRequeued(" ".join(ended.stderr.split()) or f"scontrol ended with status {ended.returncode}")
    return ended.stdout
