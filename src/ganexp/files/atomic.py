"""Atomic writing of files and folders, and names for errors of writing, which the system reports without one."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ganexp.errors import UserError

UNFINISHED = ".unfinished"


@contextmanager
def replacing(path: Path, mode: str = "w", newline: str | None = None) -> Iterator[IO[Any]]:
    """Yield a temporary file that replaces ``path`` when it is complete; a failure leaves the old file as it was.

    Raises OSError naming ``path`` if the file cannot be written, such as on a full disk.
    """
    unfinished = path.with_name(f".{path.name}.tmp")
    encoding = None if "b" in mode else "utf-8"
    try:
        with named_errors(path):
            with unfinished.open(mode, encoding=encoding, newline=newline) as file:
                yield file
            unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def replaced_when_whole(out: Path) -> Iterator[Path]:
    """Yield the path of an unfinished file, with the suffix of ``out``, that takes its place if nothing fails.

    Folders are made as needed. Raises UserError if that is impossible, and OSError naming ``out`` if it cannot be
    written, such as on a full disk.
    """
    make_folder(out.parent)
    unfinished = out.with_name(f"{UNFINISHED}-{out.name}")
    try:
        with named_errors(out):
            yield unfinished
            unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def make_folder(out: Path) -> None:
    """Make a folder as needed; raises UserError where that fails."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written to: {error.strerror}") from error


def require_folder(out: Path) -> None:
    """Raise UserError for a folder that could not be written to or made, before the work whose result it is for."""
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise UserError(f"out={out}: a folder is expected, and {nearest} is a file")
    if not os.access(nearest, os.W_OK):
        raise UserError(f"out={out}: cannot be written to: no permission for {nearest}")


def require_file_place(out: Path, example: str) -> None:
    """Raise UserError for a file that could not be written, before the work whose result it is for.

    ``example`` is the name of one in a folder that was given.
    """
    if out.is_dir():
        raise UserError(f"out={out}: it is a folder, and a file is expected, such as out={out / example}")
    require_folder(out.parent)


def require_new_file(out: Path, overwrite: bool, example: str) -> None:
    """Raise UserError as `require_file_place` does, and for a file that exists unless it may be replaced."""
    require_file_place(out, example)
    if out.exists() and not overwrite:
        raise UserError(f"out={out}: exists already; choose another name, or replace it with overwrite=true")


@contextmanager
def filled_when_whole(folder: Path) -> Iterator[Path]:
    """Yield an unfinished folder that becomes ``folder``, which is missing or empty, if nothing fails.

    Folders above it are made as needed. Raises OSError naming ``folder`` if it cannot be written to.
    """
    # A folder that is there may be the current one or a mounted disk, which cannot be replaced.
    is_there = folder.exists()
    unfinished = folder / UNFINISHED if is_there else folder.with_name(f"{UNFINISHED}-{folder.name}")
    try:
        with named_errors(folder):
            # Left by a process that was killed.
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            yield unfinished
            if is_there:
                for path in unfinished.iterdir():
                    path.replace(folder / path.name)
            else:
                unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Let an OSError name the file that is written: errors of ``write`` and ``close`` name none, others the copy."""
    try:
        yield
    except OSError as error:
        # Those of NumPy have only a text.
        number, reason = error.errno or errno.EIO, error.strerror or str(error)
        raise OSError(number, reason, str(path)) from error
