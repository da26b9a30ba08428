"""Cache folder, write permission and folder locks."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from ganexp.errors import UserError


def cache_folder(*parts: str) -> Path:
    """Return a folder for reproducible files, which is created if it is missing.

    It is below $GANEXP_CACHE, else $XDG_CACHE_HOME/ganexp, else ~/.cache/ganexp. Raises UserError if it cannot be
    created.
    """
    if os.environ.get("GANEXP_CACHE"):
        top = Path(os.environ["GANEXP_CACHE"]).expanduser()
    elif os.environ.get("XDG_CACHE_HOME"):
        top = Path(os.environ["XDG_CACHE_HOME"]) / "ganexp"
    else:
        top = Path("~/.cache/ganexp").expanduser()
    folder = top.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the cache folder {folder} cannot be created ({error.strerror}): set GANEXP_CACHE=FOLDER."
        ) from error
    return folder


def writable(folder: Path) -> bool:
    """Return whether a folder, or its nearest existing parent, is writable."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    # root may write anywhere, but a folder without any write bit is still treated as read-only.
    has_write_bit = folder.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    return bool(has_write_bit) and os.access(folder, os.W_OK | os.X_OK)


@contextmanager
def one_process_at_a_time(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes on this machine while one of them fills it."""
    name = hashlib.blake2b(os.fsencode(folder.absolute()), digest_size=8).hexdigest()
    with FileLock(cache_folder("locks") / f"{name}.lock"):
        yield
