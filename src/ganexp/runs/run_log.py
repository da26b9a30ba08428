"""Log of a run: its messages in the terminal and in log.txt."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganexp.errors import one_line
from ganexp.terminal.text import printable

LOG = "log.txt"

HARMLESS_WARNINGS = (
    # Lightning's use of a deprecated torch API.
    ".*LeafSpec.*is deprecated",
    # Data in memory needs no workers.
    ".*does not have many workers",
    # Runs without SLURM are legitimate on machines that have it.
    ".*`srun` command is available on your system but is not used",
)


class Terminal(logging.Handler):
    """Prints to whatever sys.stderr is now, so that a live progress bar stays intact."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, unless the terminal is gone: training outlives it, and log.txt has the line."""
        with suppress(OSError):
            print(printable(self.format(record)), file=sys.stderr)


class LogFile(logging.FileHandler):
    """log.txt, with a timestamp on each line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def handleError(self, record: logging.LogRecord) -> None:
        """Ignore errors such as a full disk: they are reported elsewhere, without a traceback for each line."""


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Send the package's messages and all warnings to the terminal and to log.txt, and an error to log.txt."""
    root, package = logging.getLogger(), logging.getLogger("ganexp")
    to_file = LogFile(folder / LOG)
    handlers = [Terminal(), to_file]
    package.setLevel(logging.INFO)
    with warnings.catch_warnings():
        for harmless in HARMLESS_WARNINGS:
            warnings.filterwarnings("ignore", message=harmless)
        warnings.showwarning = log_warning
        for handler in handlers:
            root.addHandler(handler)
        try:
            yield
        except Exception as error:
            to_file.emit(package.makeRecord(package.name, logging.ERROR, "", 0, one_line(error), (), None))
            raise
        finally:
            for handler in handlers:
                root.removeHandler(handler)
            to_file.close()


@contextmanager
def silenced() -> Iterator[None]:
    """Drop all messages and warnings, as another process reports them."""
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def log_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Log a warning as one line."""
    logging.getLogger("ganexp").warning("warning: %s", " ".join(str(message).split()))
