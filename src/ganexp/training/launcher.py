"""Process launcher for distributed training: one process per device, started, monitored and ended together."""

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import OmegaConf

from ganexp.errors import Interrupted, RankFailed
from ganexp.runs.permissions import permissions
from ganexp.runs.run import Run
from ganexp.terminal import signals
from ganexp.terminal.commands import resume_command
from ganexp.training import remote_errors
from ganexp.training.hang import HangDetector
from ganexp.training.rank_process import PATIENCE_SECONDS, RankProcess

POLL_SECONDS = 0.05


def devices(trainer: Mapping[str, Any]) -> int:
    """Return the number of this machine's devices that the trainer requests."""
    requested = trainer.get("devices", 1)
    if str(requested) in ("auto", "-1"):
        return 1 if trainer.get("accelerator") == "cpu" else gpus()
    if isinstance(requested, int):
        return max(1, requested)
    if isinstance(requested, str):
        # As Lightning reads it; Lightning reports any other string.
        return (
            int(requested) if requested.isdigit() else len([index for index in requested.split(",") if index.strip()])
        )
    return len(requested)


def gpus() -> int:
    """Return the number of GPUs, 1 if there are none."""
    import torch

    return max(1, torch.cuda.device_count())


def launch(run: Run, local_ranks: int, nodes: int, quiet: bool = False) -> None:
    """Train the run in ``local_ranks`` new processes on each of the nodes, of which this starts its own.

    Signals are forwarded to all of them. The first failure ends all, and its error is raised. Raises RankFailed if
    ranks have waited for another for ``rank_timeout`` seconds.
    """
    detector = HangDetector(run.config.get("rank_timeout"))
    job = {**run_to_dict(run), "path": sys.path, "quiet": quiet}
    with tempfile.TemporaryDirectory() as reports:
        ranks = [RankProcess(environment, Path(reports)) for environment in environments(local_ranks, nodes)]
        try:
            with forwarding(ranks) as forwarded:
                for rank in ranks:
                    rank.send(job)
                hung = wait(ranks, detector)
        finally:
            for rank in ranks:
                rank.kill()
        cause = hang(hung, run) if hung else first_failure(ranks, forwarded)
    if cause is not None:
        raise cause


def run_to_dict(run: Run) -> dict[str, Any]:
    """Serialize a run to plain values, which ``run_from_dict`` reads in another process."""
    return {
        "config": OmegaConf.to_yaml(run.config),
        "folder": str(run.folder),
        "fixed": dict(run.fixed),
        "checkpoint": None if run.checkpoint is None else str(run.checkpoint),
    }


def run_from_dict(job: Mapping[str, Any]) -> Run:
    """Return the run that a job describes."""
    config: Any = OmegaConf.create(job["config"])
    checkpoint = None if job["checkpoint"] is None else Path(job["checkpoint"])
    return Run(Path(job["folder"]), config, job["fixed"], checkpoint)


def environments(local_ranks: int, nodes: int) -> Iterator[dict[str, str]]:
    """Yield the environment of each process of this node, with its ranks and the rendezvous address."""
    node = int(os.environ.get("NODE_RANK", 0))
    address = os.environ.get("MASTER_ADDR", "127.0.0.1")
    port = os.environ.get("MASTER_PORT") or str(free_port())
    for local in range(local_ranks):
        ranks = {
            "LOCAL_RANK": local,
            "NODE_RANK": node,
            "RANK": node * local_ranks + local,
            "WORLD_SIZE": local_ranks * nodes,
        }
        yield {
            **os.environ,
            **{name: str(value) for name, value in ranks.items()},
            "MASTER_ADDR": address,
            "MASTER_PORT": port,
        }


def free_port() -> int:
    """Return a free TCP port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait(ranks: Sequence[RankProcess], detector: HangDetector) -> list[int]:
    """Wait until all processes have ended, or the grace period after a failure is over, or some hang.

    Return the ranks that hang.
    """
    deadline = None
    while any(rank.process.poll() is None for rank in ranks):
        failed = any(rank.process.poll() not in (None, 0) for rank in ranks)
        if failed and deadline is None:
            deadline = time.monotonic() + PATIENCE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            return []
        hung = detector.hung({rank.number: rank.steps() for rank in ranks}, time.monotonic())
        if hung and not failed:
            return hung
        time.sleep(POLL_SECONDS)
    return []


def hang(hung: Sequence[int], run: Run) -> RankFailed:
    """Return the error for ranks that hang."""
    named = f"rank {hung[0]} hangs" if len(hung) == 1 else f"ranks {', '.join(map(str, hung))} hang"
    seconds = run.config.rank_timeout
    return RankFailed(
        f"{named}: the others have waited for {seconds} s (rank_timeout={seconds}); continue from the last checkpoint "
        f"with: {resume_command(run.folder, permissions(run.config))}"
    )


def first_failure(ranks: Sequence[RankProcess], forwarded: Sequence[int]) -> Exception | None:
    """Return the error that ended training, None on success; of several, the earliest, which caused the others."""
    in_order = sorted((rank.report() for rank in ranks if rank.has_reported()), key=lambda report: report["time"])
    errors = [remote_errors.from_dict(report) for report in in_order]
    for error in errors:
        if isinstance(error, remote_errors.FORESEEN):
            return error
    for rank in ranks:
        if rank.crashed():
            return crash(rank, forwarded)
    return errors[0] if errors else None


def crash(rank: RankProcess, forwarded: Sequence[int]) -> Exception:
    """Return the error for a process that ended without a report."""
    status = rank.process.returncode
    if -status in forwarded:
        return Interrupted(-status, "stopped before there was anything to save")
    if -status in signals.KILLED:
        return RankFailed(
            f"rank {rank.number} was killed: if the machine's memory is full, lower data.batch_size or trainer.devices"
        )
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return RankFailed(f"rank {rank.number} ended by {how}{rank.last_output_line()}")


@contextmanager
def forwarding(ranks: Sequence[RankProcess]) -> Iterator[list[int]]:
    """Forward signals to all processes, and yield the list of those received."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for rank in ranks:
            if rank.process.poll() is None:
                rank.process.send_signal(number)

    # Python handles signals in the main thread only.
    is_main = threading.current_thread() is threading.main_thread()
    watched = [number for number in signals.STOPPING if not signals.is_nohup(number)] if is_main else []
    previous = {number: signal.signal(number, forward) for number in watched}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
