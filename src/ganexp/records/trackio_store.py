"""Trackio database that ``logger=trackio`` writes and ``ganexp board`` shows."""

import importlib
import os
from pathlib import Path
from typing import Any

from ganexp.errors import UserError
from ganexp.files.cache import cache_folder

PROJECT = "ganexp"


def import_trackio(database: str | None) -> Any:
    """Import trackio with its data in the folder ``database``, by default ``board`` in the cache.

    Raises UserError if it is not installed, or already uses another folder.
    """
    folder = cache_folder("board") if database is None else Path(database).expanduser().resolve()
    # Both are read at import. Without the second it asks the Hugging Face hub for the user's name.
    os.environ["TRACKIO_DIR"] = str(folder)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        trackio = importlib.import_module("trackio")
    except ModuleNotFoundError as error:
        raise UserError("logger=trackio and board need a package: pip install 'ganexp[board]'") from error
    if folder != trackio.utils.TRACKIO_DIR:
        raise UserError(f"database={folder}: in this process trackio already writes to {trackio.utils.TRACKIO_DIR}")
    return trackio
