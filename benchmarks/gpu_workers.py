"""The processes that train for gpu.py: one per way to train a game, of which one works at a time."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interleaved import Budget
from log_lines import reason_in

WORKER = Path(__file__).with_name("gpu_worker.py")
LATE = "out of time"


@dataclass(frozen=True)
class Task:
    """What a worker trains.

    ``loop`` is "ganexp", "bare eager" or "bare graphs"; ``overrides`` are ganexp's, and ``graphs`` are those of the
    group graphs, such as {"enabled": "true"}, which are left out where the configuration has no such group.
    """

    loop: str
    overrides: list[str]
    graphs: dict[str, str]

    def text(self) -> str:
        """Return the task as JSON."""
        return json.dumps(asdict(self))


class WorkerError(Exception):
    """A worker ended, reported an error or was too late; the message is the reason."""


class Worker:
    """A process that does a task, and its log file.

    Every answer raises WorkerError if it does not arrive within the budget.
    """

    def __init__(self, task: Task, log: Path, environment: Mapping[str, str], budget: Budget) -> None:
        self.log = log
        self.budget = budget
        self.answers: queue.Queue[str | None] = queue.Queue()
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(WORKER), task.text()],
                env=dict(environment),
                cwd=log.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        threading.Thread(target=self._read, daemon=True).start()

    def wait_until_ready(self) -> None:
        """Wait until everything is imported and built."""
        self._answer("ready")

    def first_batch(self) -> float:
        """Train the first batch and return its seconds, from the start of training."""
        self._command("start")
        return float(self._answer("first_batch"))

    def run(self, batches: int) -> float:
        """Train batches and return their seconds."""
        self._command(f"run {batches}")
        return float(self._answer("seconds"))

    def stop(self) -> dict[str, Any]:
        """End training and return the peaks of memory, in MiB."""
        self._command("stop")
        return self._message(at_least=5.0)

    def end(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        stdout = self.process.stdout
        try:
            for line in stdout or ():
                self.answers.put(line)
        except ValueError:  # closed by end()
            pass
        self.answers.put(None)

    def _command(self, command: str) -> None:
        stdin = self.process.stdin
        try:
            if stdin is not None:
                stdin.write(f"{command}\n")
                stdin.flush()
        except OSError:
            raise WorkerError(self._reason()) from None

    def _answer(self, name: str) -> Any:
        message = self._message()
        if name not in message:
            raise WorkerError(str(message.get("error") or f"unexpected answer {message}"))
        return message[name]

    def _message(self, at_least: float = 0.0) -> dict[str, Any]:
        try:
            line = self.answers.get(timeout=max(at_least, self.budget.left()))
        except queue.Empty:
            raise WorkerError(LATE) from None
        if line is None:
            raise WorkerError(self._reason())
        message: dict[str, Any] = json.loads(line)
        return message

    def _reason(self) -> str:
        self.process.wait()
        return reason_in(self.log) or f"ended with status {self.process.returncode}"


def environment(folder: Path, source: Path) -> dict[str, str]:
    """Return the environment of workers, which import ganexp from ``source`` and write into ``folder`` alone."""
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GANEXP_CACHE": str(folder / "cache"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
    }
    return {**os.environ, **own}
