"""From argv to a command; nothing heavy is imported before a command needs it."""

import difflib
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ganexp import __version__
from ganexp.errors import CheckFailed, Interrupted, UserError
from ganexp.numerics.flags import prepare_cublas
from ganexp.terminal.text import printable

COMMANDS = {
    "train": "train a model (the default command)",
    "evaluate": "score runs or folders of images: run=DIR, or fake=DIR real=DIR",
    "sample": "write images from a trained generator: run=DIR n=64 out=DIR",
    "translate": "translate a folder of images: run=DIR input=FOLDER out=FOLDER",
    "analyze": "look inside a trained model: run=DIR analysis=NAME",
    "compare": "table and page of runs side by side: DIR [DIR …]",
    "board": "a page with the curves and samples of runs of logger=trackio, while they train",
    "demo": "a page to play with a trained model: run=DIR",
    "data": "look for what is wrong with pictures before training: inspect data=NAME",
    "verify": "check that a stop or a second process changes nothing: run=DIR",
    "list": "what there is to choose: every option of every config group",
}

USER_MISTAKE = 2
OUT_OF_MEMORY = "OutOfMemoryError"
"""torch's exception, by name since torch is not imported here."""
OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What fails only while something is written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0 for success, 2 for a user's mistake."""
    prepare_cublas()
    try:
        command, rest = split_command(list(sys.argv[1:] if arguments is None else arguments))
        if "--version" in rest:
            print(f"ganexp {__version__}")
        else:
            importlib.import_module(f"ganexp.cli.{command}").main(rest)
    except UserError as error:
        return report(str(error), USER_MISTAKE)
    except CheckFailed as failure:
        return report(str(failure), 1)
    except Interrupted as interruption:
        return report(str(interruption), interruption.status)
    except KeyboardInterrupt:
        return report("interrupted before there was anything to save", 130)
    except RuntimeError as error:
        if type(error).__name__ != OUT_OF_MEMORY:
            raise
        from ganexp.distributed.gpu_memory import out_of_memory_message

        return report(f"{out_of_memory_message(error)}; nvidia-smi lists the programs that hold it", USER_MISTAKE)
    except BrokenPipeError:
        # Python would complain about the closed pipe once more while it flushes at exit.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 1
    except OSError as error:
        where = error.filename or "a file"
        why = f"{error.strerror or error}; what was written before is whole"
        return report(f"cannot {attempt(error)} {where}: {why}", 1)
    return 0


def split_command(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the command, by default train, and the arguments after it."""
    if not arguments or "=" in arguments[0] or arguments[0].startswith(("-", "+", "~")):
        return "train", arguments
    command = arguments[0]
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise UserError(f"{command!r}: no such command{hint} There are: {', '.join(COMMANDS)}; values are KEY=VALUE")
    return command, arguments[1:]


def attempt(error: OSError) -> str:
    """Return what failed in words: read, write, or both where nobody can tell."""
    if error.errno in OF_WRITING:
        return "write"
    if not isinstance(error.filename, str | bytes) or not error.filename:
        return "read or write"
    path = Path(os.fsdecode(error.filename))
    if os.path.lexists(path):
        if allowed(path, os.R_OK):
            return "write" if isinstance(error, PermissionError) else "read or write"
        return "read" if allowed(path, os.W_OK) else "read or write"
    if not allowed(path.parent, os.X_OK):
        return "read or write"
    # In a folder that is there, only who reads misses a file, and only who makes one is forbidden to.
    return "read" if error.errno == errno.ENOENT else "write"


def allowed(path: Path, mode: int) -> bool:
    """Return whether this process may read (os.R_OK), write or enter a path, by the rights that it has now."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def report(message: str, status: int) -> int:
    """Print one line to stderr and return the status."""
    print(f"ganexp: {printable(' '.join(message.split()))}", file=sys.stderr)
    return status
