"""Test runner: steps as subprocesses with time limits, chains of them in parallel, and a table of the results."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from log_lines import last_line, reason_in

PASSED, FAILED, SKIPPED, NOT_RUN = "passed", "FAILED", "skipped", "not run"
FAILING = (FAILED, NOT_RUN)


@dataclass(frozen=True)
class Step:
    """A command, the seconds that it may take, and the packages without which it is skipped.

    ``reports`` puts the last line of its output into the table.
    """

    name: str
    command: Sequence[str]
    limit: float = 180.0
    needs: tuple[str, ...] = ()
    reports: bool = False


@dataclass(frozen=True)
class Chain:
    """Steps that run one after the other; if the first one fails, the others are not run."""

    name: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Result:
    """The outcome of a step."""

    chain: str
    step: str
    status: str
    seconds: float = 0.0
    note: str = ""


class Runner:
    """Runs chains in ``folder``, with a log file for each step there.

    ``seconds`` is the time for everything: a step is cut off at its end, and one that would begin after it is not run.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], seconds: float) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.deadline = time.monotonic() + seconds
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def run(self, chains: Sequence[Chain], workers: int) -> list[Result]:
        """Return the results of all chains in their order; ``workers`` chains run at once."""
        with ThreadPoolExecutor(workers) as pool:
            return [result for results in pool.map(self.run_chain, chains) for result in results]

    def run_chain(self, chain: Chain) -> list[Result]:
        """Return the results of a chain."""
        results: list[Result] = []
        for step in chain.steps:
            if results and results[0].status != PASSED:
                results.append(Result(chain.name, step.name, NOT_RUN, note=f"{results[0].step} {results[0].status}"))
            else:
                results.append(self.run_step(chain, step))
        # The output of a skipped first step is missing for the same reason.
        if results and results[0].status == SKIPPED:
            return [Result(chain.name, result.step, SKIPPED, note=results[0].note) for result in results]
        return results

    def run_step(self, chain: Chain, step: Step) -> Result:
        """Return the result of a step."""
        missing = [package for package in step.needs if not is_installed(package)]
        if missing:
            return Result(chain.name, step.name, SKIPPED, note=f"{', '.join(missing)} not installed")
        limit = min(step.limit, self.deadline - time.monotonic())
        if limit <= 0:
            return Result(chain.name, step.name, NOT_RUN, note="no time left")
        log = self.logs / (f"{chain.name} {step.name}".replace(" ", "-").replace("/", "-") + ".log")
        started = time.monotonic()
        status = self.run_command(step.command, log, limit)
        seconds = time.monotonic() - started
        if status == 0:
            return Result(chain.name, step.name, PASSED, seconds, last_line(log) if step.reports else "")
        note = f"longer than {limit:.0f} s" if status is None else reason_in(log) or f"status {status}"
        return Result(chain.name, step.name, FAILED, seconds, f"{note} ({log})")

    def run_command(self, command: Sequence[str], log: Path, limit: float) -> int | None:
        """Return the exit status of a command, None if it was ended at its time limit."""
        with (
            log.open("w") as output,
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                return process.wait(limit)
            except subprocess.TimeoutExpired:
                return None
            finally:
                # Including the processes that it started, which could keep the GPU.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def is_installed(package: str) -> bool:
    """Return whether a package could be imported."""
    return find_spec(package) is not None


def failed_tests(logs: Path) -> list[str]:
    """Return pytest's lines about tests that failed, from all logs."""
    return summary_lines(logs, ("FAILED ", "ERROR "))


def skipped_tests(logs: Path) -> list[str]:
    """Return pytest's lines about tests that were skipped, from all logs."""
    return summary_lines(logs, ("SKIPPED ",))


def summary_lines(logs: Path, beginnings: tuple[str, ...]) -> list[str]:
    """Return the distinct lines of all logs that begin with one of the words."""
    lines = [line for log in sorted(logs.glob("*.log")) for line in log.read_text(errors="replace").splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith(beginnings)))


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table of all results, with counts by status below."""
    rows = [
        f"| {result.chain} | {result.step} | {result.status} | {result.seconds:.0f} | {in_cell(result.note)} |"
        for result in results
    ]
    statuses = [result.status for result in results]
    counts = ", ".join(
        f"{statuses.count(status)} {status}" for status in (PASSED, FAILED, SKIPPED, NOT_RUN) if status in statuses
    )
    return "\n".join(["| what | step | result | s | note |", "| --- | --- | --- | ---: | --- |", *rows, "", counts])


def in_cell(text: str) -> str:
    """Return text escaped for a table's cell."""
    return text.replace("|", "\\|")


def exit_status(results: Sequence[Result]) -> int:
    """Return 1 if anything failed or could not be run, else 0."""
    return int(any(result.status in FAILING for result in results))
