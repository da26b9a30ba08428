"""Choice of the newest checkpoint of a run that is whole."""

import logging
from collections.abc import Iterator
from pathlib import Path

from ganexp.files.checksums import DAMAGE, require_checksums
from ganexp.files.plain_zip import require_plain_zip
from ganexp.runs import run_folder
from ganexp.terminal.text import printable

log = logging.getLogger(__name__)


def newest_whole_checkpoint(folder: Path) -> Path:
    """Return the path of last.ckpt or, if it is damaged, of the checkpoint after most images that is whole.

    The latter is reported in one line. If none is whole it is last.ckpt, which is refused where it is loaded. Raises
    UserError if there is no last.ckpt yet.
    """
    last = run_folder.last_checkpoint(folder)
    if is_whole(last):
        return last

    from ganexp.game.module import COUNTERS
    from ganexp.runs.checkpoint import load_checkpoint

    whole = {path: load_checkpoint(path)[COUNTERS]["images_seen"] for path in candidates(last)}
    if not whole:
        # Loading it says what is wrong.
        return last
    path = max(whole, key=lambda path: whole[path])
    log.warning("%s is damaged: using %s instead, of %s images", printable(str(last)), path.name, f"{whole[path]:,}")
    return path


def candidates(last: Path) -> Iterator[Path]:
    """Yield the newest whole one of the numbered checkpoints, and the best one if it is whole."""
    numbered = [path for path in last.parent.glob("*.ckpt") if path.stem.isdecimal()]
    yield from next(([path] for path in sorted(numbered, key=number, reverse=True) if is_whole(path)), [])
    best = last.with_stem("best")
    if best.is_file() and is_whole(best):
        yield best


def number(path: Path) -> int:
    """Return the number of images in a numbered checkpoint's name."""
    return int(path.stem)


def is_whole(path: Path) -> bool:
    """Return whether a checkpoint is a plain zip file whose checksums are right."""
    try:
        # What is compressed may take for ever to read.
        require_plain_zip(path)
        require_checksums(path)
    # Another rank may have removed a damaged one already.
    except (*DAMAGE, FileNotFoundError):
        return False
    return True
