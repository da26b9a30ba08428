"""Reading over a network whose connections fail now and then."""

import time
from collections.abc import Callable
from typing import TypeVar

from ganexp.data.unreadable import UnreadableError
from ganexp.errors import one_line

WAITS = (1.0, 5.0, 20.0)
"""Seconds before each further attempt, besides those of the Hub's own client."""


Result = TypeVar("Result")


class ConnectionLost(UnreadableError):
    """Data that cannot be read although each of several attempts waited longer than the one before."""


def retried(where: str, read: Callable[[], Result]) -> Result:
    """Return what a function reads over the network; if it fails, it is called again after each of `WAITS`.

    Raises ConnectionLost with the last reason; at once where a file does not exist or is no parquet.
    """
    from pyarrow import ArrowInvalid

    for wait in WAITS:
        try:
            return read()
        except (ArrowInvalid, FileNotFoundError) as error:
            raise ConnectionLost(f"{where} cannot be read: {one_line(error)}") from error
        except Exception:  # clients of the network raise nearly anything
            time.sleep(wait)
    try:
        return read()
    except Exception as error:
        raise ConnectionLost(
            f"{where}: the connection failed {len(WAITS) + 1} times ({one_line(error)}). The same command with "
            "resume=DIR goes on once there is one."
        ) from error
