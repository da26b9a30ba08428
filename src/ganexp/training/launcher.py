"""One process a device: started here, watched, and ended together."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import OmegaConf

from ganexp.errors import Interrupted, UserError
from ganexp.runs.run import Run
from ganexp.training import remote_errors

PATIENCE_SECONDS = 10.0
"""How long the others may take to notice that one is gone."""
POLL_SECONDS = 0.05
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def devices(trainer: Mapping[str, Any]) -> int:
    """Return on how many devices of this machine the trainer is told to train."""
    asked = trainer.get("devices", 1)
    if str(asked) in ("auto", "-1"):
        return 1 if trainer.get("accelerator") == "cpu" else gpus()
    if isinstance(asked, int):
        return max(1, asked)
    if isinstance(asked, str):
        # As Lightning reads it, which complains of any other.
        return int(asked) if asked.isdigit() else len([number for number in asked.split(",") if number.strip()])
    return len(asked)


def gpus() -> int:
    """Return the number of GPUs, 1 if there is none."""
    import torch

    return max(1, torch.cuda.device_count())


def launch(run: Run, here: int, nodes: int, quiet: bool = False) -> None:
    """Train the run in ``here`` new processes, and in ``here`` on each of the other nodes.

    Signals reach all of them. The first to fail ends all, and its error is raised here.
    """
    job = {**run_to_dict(run), "path": sys.path, "quiet": quiet}
    with tempfile.TemporaryDirectory() as reports:
        ranks = [RankProcess(environment, Path(reports)) for environment in environments(here, nodes)]
        try:
            with forwarding(ranks) as forwarded:
                for rank in ranks:
                    rank.send(job)
                wait(ranks)
        finally:
            for rank in ranks:
                rank.kill()
        cause = first_failure(ranks, forwarded)
    if cause is not None:
        raise cause


def run_to_dict(run: Run) -> dict[str, Any]:
    """Return a run as plain values, which another process reads back with ``run_from_dict``."""
    return {
        "config": OmegaConf.to_yaml(run.config),
        "folder": str(run.folder),
        "fixed": dict(run.fixed),
        "checkpoint": None if run.checkpoint is None else str(run.checkpoint),
    }


def run_from_dict(job: Mapping[str, Any]) -> Run:
    """Return the run of a job."""
    config: Any = OmegaConf.create(job["config"])
    checkpoint = None if job["checkpoint"] is None else Path(job["checkpoint"])
    return Run(Path(job["folder"]), config, job["fixed"], checkpoint)


def environments(here: int, nodes: int) -> Iterator[dict[str, str]]:
    """Yield what each process of this node is told of its place."""
    node = int(os.environ.get("NODE_RANK", 0))
    address = os.environ.get("MASTER_ADDR", "127.0.0.1")
    port = os.environ.get("MASTER_PORT") or str(free_port())
    for local in range(here):
        place = {"LOCAL_RANK": local, "NODE_RANK": node, "RANK": node * here + local, "WORLD_SIZE": here * nodes}
        yield {
            **os.environ,
            **{name: str(value) for name, value in place.items()},
            "MASTER_ADDR": address,
            "MASTER_PORT": port,
        }


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class RankProcess:
    """A process that trains; only the first may write to the terminal.

    It ends when its standard input closes, so that none is left over when this process is gone.
    """

    def __init__(self, environment: Mapping[str, str], reports: Path) -> None:
        self.number = int(environment["RANK"])
        self.path = reports / f"{self.number}.json"
        self.output = reports / f"{self.number}.txt"
        self.killed = False
        with self.output.open("w") as output:
            elsewhere: dict[str, Any] = {} if self.number == 0 else {"stdout": output, "stderr": output}
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ganexp.training.worker", str(self.path)],
                stdin=subprocess.PIPE,
                env=dict(environment),
                # Ctrl-C reaches this process only, which passes it on once.
                start_new_session=True,
                **elsewhere,
            )

    def send(self, job: Mapping[str, Any]) -> None:
        """Tell the process what to do."""
        assert self.process.stdin is not None
        # If it is gone already, its exit status tells.
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """Kill the process if it still runs."""
        if self.process.poll() is None:
            self.killed = True
            # With it the workers that it started.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def has_reported(self) -> bool:
        """Return whether it failed and could say so."""
        return self.path.is_file()

    def report(self) -> dict[str, Any]:
        """Return when and how it failed."""
        report: dict[str, Any] = json.loads(self.path.read_text())
        return report

    def crashed(self) -> bool:
        """Return whether it ended without a word."""
        return self.process.returncode != 0 and not self.killed and not self.has_reported()

    def last_output_line(self) -> str:
        """Return the last line that it wrote where nobody saw it."""
        lines = [line.strip() for line in self.output.read_text(errors="replace").splitlines() if line.strip()]
        return f": {lines[-1]}" if lines else ""


def wait(ranks: Sequence[RankProcess]) -> None:
    """Return when all processes have ended, or when one has failed and the others had time to notice."""
    deadline = None
    while any(rank.process.poll() is None for rank in ranks):
        failed = any(rank.process.poll() not in (None, 0) for rank in ranks)
        if failed and deadline is None:
            deadline = time.monotonic() + PATIENCE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)


def first_failure(ranks: Sequence[RankProcess], forwarded: Sequence[int]) -> Exception | None:
    """Return why training ended, None if it ended well: of several errors the first, from which the others follow."""
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
    """Return the error for a process that ended without a word."""
    status = rank.process.returncode
    if -status in forwarded:
        return Interrupted(-status, "stopped before there was anything to save")
    if status == -signal.SIGKILL:
        return UserError(
            f"rank {rank.number} was killed: if the machine's memory is full, lower data.batch_size or trainer.devices"
        )
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return UserError(f"rank {rank.number} ended by {how}{rank.last_output_line()}")


@contextmanager
def forwarding(ranks: Sequence[RankProcess]) -> Iterator[list[int]]:
    """Pass signals on to all processes, and yield which ones there were."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for rank in ranks:
            if rank.process.poll() is None:
                rank.process.send_signal(number)

    # Python takes signals in the main thread only.
    watched = FORWARDED if threading.current_thread() is threading.main_thread() else ()
    previous = {number: signal.signal(number, forward) for number in watched}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
