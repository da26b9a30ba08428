"""Where trackio keeps what ``logger=trackio`` logs and ``ganexp board`` shows."""

import importlib
import os
from pathlib import Path
from typing import Any

from ganexp.errors import UserError
from ganexp.files.cache import cache_folder

PROJECT = "ganexp"


def import_trackio(database: str | None) -> Any:
    """Return the trackio module, which keeps its data in the folder ``database``; None: ``board`` in the cache.

    Raises UserError if it is missing, or keeps its data elsewhere already.
    """
    folder = cache_folder("board") if database is None else Path(database).expanduser().resolve()
    # It reads both while it is imported. Without the second it asks its hub for the user's name.
    os.environ["TRACKIO_DIR"] = str(folder)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        trackio = importlib.import_module("trackio")
    except ModuleNotFoundError as error:
        raise UserError("logger=trackio and board need a package: pip install 'ganexp[board]'") from error
    if folder != trackio.utils.TRACKIO_DIR:
        raise UserError(f"database={folder}: in this process trackio writes to {trackio.utils.TRACKIO_DIR} already")
    return trackio
