"""Entry point of ``python -m ganexp``; heavy packages are imported only when a command needs them."""

import difflib
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ganexp import __version__
from ganexp.errors import CheckFailed, Interrupted, RankFailed, UserError
from ganexp.numerics.flags import prepare_cublas
from ganexp.terminal.text import printable

COMMANDS = {
    "train": "train a model (the default command)",
    "evaluate": "score runs or folders of images: run=DIR, or fake=DIR real=DIR",
    "sample": "write images from a trained generator: run=DIR n=64 out=DIR",
    "translate": "translate a folder of images: run=DIR input=FOLDER out=FOLDER",
    "export": "a trained network as .onnx, .pt2 or .safetensors: run=DIR out=FILE",
    "animate": "training as an animation of its sample grids: run=DIR out=FILE.gif",
    "analyze": "look inside a trained model: run=DIR analysis=NAME",
    "compare": "compare runs in a table and on a page: DIR [DIR …]",
    "board": "live page with the curves and samples of runs logged with logger=trackio",
    "publish": "write a trained model for the Hugging Face Hub, or upload it: run=DIR to=FOLDER",
    "demo": "interactive page for a trained model: run=DIR",
    "data": "check a data set, pack it, or find landmarks in it: inspect, pack, puppets or landmarks",
    "verify": "check that resuming, or a second process, does not change training: run=DIR",
    "list": "list the options of every config group",
    "completion": "tab completion for your shell: bash, zsh or fish",
    "new": "a folder for your own networks, losses, games and data, which trains as it stands: FOLDER",
}

USER_MISTAKE = 2
OUT_OF_MEMORY = "OutOfMemoryError"
"""torch's exception, by name since torch is not imported here."""
WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors that only writing can cause."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0 for success, 2 for a user's mistake."""
    prepare_cublas()
    if arguments is None:
        # A deleted current folder has no modules.
        with suppress(FileNotFoundError):
            find_modules_here()
    try:
        command, rest = split_command(list(sys.argv[1:] if arguments is None else arguments))
        if "--version" in rest:
            print(f"ganexp {__version__}")
        else:
            importlib.import_module(f"ganexp.cli.{command}").main(rest)
    except UserError as error:
        return report(str(error), USER_MISTAKE)
    except (CheckFailed, RankFailed) as failure:
        return report(str(failure), 1)
    except Interrupted as interruption:
        return report(str(interruption), interruption.status)
    except KeyboardInterrupt:
        return report("interrupted before anything could be saved", 130)
    except RuntimeError as error:
        if type(error).__name__ != OUT_OF_MEMORY:
            raise
        from ganexp.distributed.gpu_memory import out_of_memory_message

        return report(f"{out_of_memory_message(error)}; nvidia-smi lists the processes that use it", USER_MISTAKE)
    except BrokenPipeError:
        # Otherwise Python reports the closed pipe again when it flushes stdout at exit.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 1
    except OSError as error:
        where = error.filename or "a file"
        why = f"{error.strerror or error}; files written earlier are intact"
        return report(f"cannot {failed_operation(error)} {where}: {why}", 1)
    return 0


def find_modules_here() -> None:
    """Let the console script import modules of the current folder, as ``python -m ganexp`` does."""
    here = os.getcwd()  # noqa: PTH109
    if not sys.flags.safe_path and here not in sys.path:
        sys.path.insert(0, here)


def split_command(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the command, train by default, and its arguments."""
    if not arguments or "=" in arguments[0] or arguments[0].startswith(("-", "+", "~")):
        return "train", arguments
    command = arguments[0]
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise UserError(f"{command!r}: no such command{hint} There are: {', '.join(COMMANDS)}; values are KEY=VALUE")
    return command, arguments[1:]


def failed_operation(error: OSError) -> str:
    """Return the operation that failed: "read", "write", or "read or write" where the error does not tell."""
    if error.errno in WRITE_ERRORS:
        return "write"
    if not isinstance(error.filename, str | bytes) or not error.filename:
        return "read or write"
    path = Path(os.fsdecode(error.filename))
    if os.path.lexists(path):
        if has_access(path, os.R_OK):
            return "write" if isinstance(error, PermissionError) else "read or write"
        return "read" if has_access(path, os.W_OK) else "read or write"
    if not has_access(path.parent, os.X_OK):
        return "read or write"
    # In an existing folder only reading reports a missing file, and only creating one can be forbidden.
    return "read" if error.errno == errno.ENOENT else "write"


def has_access(path: Path, mode: int) -> bool:
    """Return whether this process may read (os.R_OK), write or enter a path, with its effective rights."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def report(message: str, status: int) -> int:
    """Print one line to stderr, unless its terminal is gone, and return the status."""
    with suppress(OSError):
        print(f"ganexp: {printable(' '.join(message.split()))}", file=sys.stderr)
    return status
