"""Process of one rank: started, given its job, and killed with what it has started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganexp.distributed.heartbeat import steps_in

PATIENCE_SECONDS = 10.0
"""Grace period for the other ranks to notice that one has failed."""


class RankProcess:
    """Process of one rank; only rank 0 writes to the terminal.

    It ends when its standard input closes, so that it does not outlive its parent.
    """

    def __init__(self, environment: Mapping[str, str], reports: Path) -> None:
        self.number = int(environment["RANK"])
        self.path = reports / f"{self.number}.json"
        self.output = reports / f"{self.number}.txt"
        self.killed = False
        with self.output.open("w", encoding="utf-8") as output:
            redirected: dict[str, Any] = {} if self.number == 0 else {"stdout": output, "stderr": output}
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ganexp.training.worker", str(self.path)],
                stdin=subprocess.PIPE,
                env=dict(environment),
                # Ctrl-C then reaches the launcher only, which forwards it once.
                start_new_session=True,
                **redirected,
            )

    def send(self, job: Mapping[str, Any]) -> None:
        """Send the job to the process."""
        assert self.process.stdin is not None
        # A process that has already ended is reported by its exit status.
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """Kill the process if it still runs."""
        if self.process.poll() is None:
            self.killed = True
            kill_group(self.process)
        # A process that waits for a dead file system cannot be killed.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_SECONDS)
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def has_reported(self) -> bool:
        """Return whether the process failed and reported its error."""
        return self.path.is_file()

    def report(self) -> dict[str, Any]:
        """Return the reported error."""
        report: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return report

    def crashed(self) -> bool:
        """Return whether the process failed without a report."""
        return self.process.returncode != 0 and not self.killed and not self.has_reported()

    def steps(self) -> int:
        """Return the number of steps that the process has made."""
        return steps_in(heartbeat_path(self.path))

    def last_output_line(self) -> str:
        """Return the last line of the process's redirected output."""
        lines = [line.strip() for line in self.output.read_text(errors="replace").splitlines() if line.strip()]
        return f": {lines[-1]}" if lines else ""


def heartbeat_path(report: Path) -> Path:
    """Return the file in which a process counts its steps, beside that of its report."""
    return report.with_suffix(".beat")


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and, where there are process groups, its data loader's workers."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
