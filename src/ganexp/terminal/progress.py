"""Progress bar for long operations."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ganexp.terminal.text import printable

PATIENCE_SECONDS = 2.0


@contextmanager
def progress(text: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """Yield a function that takes the amount of work done since its last call.

    A bar appears on stderr after two seconds, and only on a terminal; it disappears at the end. `total` is in the
    unit of the reported amounts, None if unknown.
    """
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task(printable(text), total=total)
    started = time.monotonic()
    shown = False

    def advance(amount: float) -> None:
        nonlocal shown
        bar.advance(task, amount)
        if not shown and time.monotonic() - started > PATIENCE_SECONDS:
            bar.start()
            shown = True

    try:
        yield advance
    finally:
        if shown:
            bar.stop()
