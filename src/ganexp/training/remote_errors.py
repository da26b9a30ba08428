"""Serialization of errors between processes."""

import signal
import time
import traceback
from collections.abc import Mapping
from typing import Any

from ganexp.errors import Diverged, Interrupted, Pruned, RankFailed, UserError, one_line

FORESEEN = (UserError, Interrupted, RankFailed, OSError)
"""Errors that are reported in one line, without a traceback."""


def to_dict(error: BaseException, rank: int) -> dict[str, Any]:
    """Serialize an error to plain values, with the time by this machine's clock."""
    kind, arguments = kind_of(error)
    lines = traceback.format_exception(error)
    return {"time": time.monotonic(), "rank": rank, "kind": kind, "arguments": arguments, "traceback": "".join(lines)}


def kind_of(error: BaseException) -> tuple[str, list[Any]]:
    """Return the kind of an error and its constructor's arguments."""
    match error:
        case Diverged():
            return "diverged", [error.what]
        case Pruned():
            return "pruned", [str(error)]
        case UserError():
            return "mistake", [str(error)]
        case RankFailed():
            return "rank failed", [str(error)]
        case Interrupted():
            return "interrupted", [error.signal_number, error.what_now]
        case KeyboardInterrupt():
            return "interrupted", [signal.SIGINT.value, "stopped before there was anything to save"]
        case OSError():
            return "system", [error.errno, error.strerror or one_line(error), error.filename and str(error.filename)]
        case _:
            return "other", [f"{type(error).__name__}: {one_line(error)}"]


def from_dict(report: Mapping[str, Any]) -> Exception:
    """Deserialize an error; an unforeseen one carries the other process's traceback as a note."""
    kinds: dict[str, Any] = {
        "diverged": Diverged,
        "pruned": Pruned,
        "mistake": UserError,
        "rank failed": RankFailed,
        "interrupted": Interrupted,
        "system": OSError,
    }
    if report["kind"] in kinds:
        error: Exception = kinds[report["kind"]](*report["arguments"])
        return error
    unforeseen = RuntimeError(f"rank {report['rank']}: {report['arguments'][0]}")
    unforeseen.add_note(report["traceback"])
    return unforeseen
