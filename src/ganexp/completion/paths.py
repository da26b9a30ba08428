"""Paths that complete a value: run folders, and files and folders one level at a time."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ganexp.completion.answer import Answer

RUN_FILE = "config.yaml"
SKIPPED = ("checkpoints", "samples", "analysis")
"""Folders of a run that no other run is in."""
MOST_FOLDERS = 2_000
"""Folders that are looked into, so that a large tree does not hold up the answer."""
DEEPEST = 4


def runs(typed: str) -> Iterator[Answer]:
    """Yield the run folders whose path starts with what is typed; without any, what `paths` yields."""
    folder, _, start = typed.rpartition("/")
    existing = [path for path in run_folders(Path(folder or ("/" if typed.startswith("/") else "."))) if path]
    prefix = typed[: len(typed) - len(start)]
    matching = [f"{prefix}{path}" for path in existing if path.startswith(start)]
    yield from map(Answer, sorted(matching)) if matching else paths(typed)


def run_folders(top: Path) -> Iterator[str]:
    """Yield the paths of run folders below ``top``, relative to it, nearest first."""
    waiting, seen = deque([("", 0)]), 0
    while waiting and seen < MOST_FOLDERS:
        below, depth = waiting.popleft()
        seen += 1
        for entry in entries(top / below):
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.name.startswith(".") or not is_folder(entry) or entry.name in SKIPPED:
                continue
            if Path(entry.path, RUN_FILE).is_file():
                yield path
            elif depth + 1 < DEEPEST:
                waiting.append((path, depth + 1))


def paths(typed: str) -> Iterator[Answer]:
    """Yield the files and folders that start with what is typed; a folder is unfinished, as it may be gone into."""
    folder, slash, start = typed.rpartition("/")
    for entry in entries(Path(f"{folder}{slash}" or ".").expanduser()):
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            path = f"{folder}{slash}{entry.name}"
            yield Answer(f"{path}/", is_finished=False) if is_folder(entry) else Answer(path)


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder by name; nothing if it cannot be read."""
    try:
        with os.scandir(folder) as listed:
            return sorted(listed, key=lambda entry: entry.name)
    except OSError:
        return []


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder that can be looked into."""
    try:
        return entry.is_dir()
    except OSError:
        return False
