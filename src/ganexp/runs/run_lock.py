"""Lock of a run's folder: one process at a time trains, resumes or scores a run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ganexp.errors import UserError
from ganexp.files import folder_lock
from ganexp.files.untrusted import require_links_inside

PATIENCE_SECONDS = 1.0
"""Longer than the table of a sweep holds the lock of a run to see whether it is still running."""


@contextmanager
def exclusive(*folders: Path) -> Iterator[None]:
    """Hold the locks of runs' folders; a folder that stays empty is removed.

    Processes that this one starts, such as its ranks, share the locks. Raises UserError naming the process that holds
    one already, and for a link that leads out of a folder; OSError if a folder cannot be written to.
    """
    with ExitStack() as held:
        for folder in dict.fromkeys(folder.resolve() for folder in folders):
            held.enter_context(exclusive_folder(folder))
        yield


@contextmanager
def exclusive_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of one folder; see ``exclusive``."""
    require_links_inside(folder)
    outermost = not folder_lock.is_held(folder)
    with folder_lock.locked(folder, PATIENCE_SECONDS) as is_held:
        if not is_held:
            raise UserError(
                f"{folder} is in use by {folder_lock.holder(folder)}: wait until it ends, or choose another folder"
            )
        try:
            yield
        finally:
            if outermost:
                remove_unused(folder)


def remove_unused(folder: Path) -> None:
    """Remove a locked folder, and the parents that Hydra made for it, if nothing but the lock is in it."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= folder_lock.FILES:
            for path in folder.iterdir():
                path.unlink()
            remove_empty(folder)


def remove_empty(folder: Path) -> None:
    """Remove a folder and its parents below the working directory, up to the first that is not empty."""
    with suppress(OSError):
        folder.rmdir()
        for parent in folder.parents:
            if Path.cwd() in parent.parents:
                parent.rmdir()
