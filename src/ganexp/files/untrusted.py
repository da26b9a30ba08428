"""Files of a run's folder that may come from somebody else: their size, depth and links are bounded before use."""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ganexp.errors import UserError

MAX_YAML_BYTES = 1_000_000
MAX_DEPTH = 100
MAX_JSON_BYTES = 100_000_000
MAX_TEXT_BYTES = 50_000_000
OWN_LINKS = frozenset({"wandb"})
"""Folders whose writer makes links to its own logs elsewhere, and none of whose files is written to again."""

EventLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> str:
    """Return the text of a YAML file, which is safe and quick to parse.

    Raises UserError naming the file if it is too large, is nested too deeply, or has aliases, which can stand for
    endless content; OSError, UnicodeDecodeError and yaml.YAMLError as reading and parsing do.
    """
    require_file(path)
    size = path.stat().st_size
    if size > MAX_YAML_BYTES:
        raise UserError(f"{path} has {size:,} bytes; a configuration has at most {MAX_YAML_BYTES:,}")
    text = path.read_text(encoding="utf-8")
    depth = 0
    for event in yaml.parse(text, Loader=EventLoader):
        if isinstance(event, yaml.AliasEvent):
            raise UserError(f"{path} has an alias, *{event.anchor}: write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise UserError(f"{path} is nested more than {MAX_DEPTH} levels deep")
    return text


def require_file(path: Path) -> None:
    """Raise UserError for what exists and is not a file: reading a named pipe waits for ever."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is not a file")


def read_text(path: Path) -> str:
    """Return the text of a log or a table, with replacements for what is not UTF-8.

    Raises OSError as reading does, also for what is not a file, where a named pipe would wait for ever, and for more
    than `MAX_TEXT_BYTES`.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file", str(path))
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise OSError(errno.EFBIG, f"more than {MAX_TEXT_BYTES:,} bytes", str(path))
    return path.read_text(encoding="utf-8", errors="replace")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises ValueError if it is not JSON, too large or nested too deeply, and OSError as reading does.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is not a file")
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"{path} has more than {MAX_JSON_BYTES:,} bytes")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply") from error
    # What can be read may still be too deep to be written again.
    level = [content]
    for _ in range(MAX_DEPTH):
        level = containers_in(level)
        if not level:
            return content
    raise ValueError(f"{path} is nested more than {MAX_DEPTH} levels deep")


def containers_in(nodes: Iterable[Any]) -> list[Any]:
    """Return the lists and dicts that are directly inside of some nodes."""
    inside: list[Any] = []
    for node in nodes:
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        inside += [part for part in parts if isinstance(part, list | dict)]
    return inside


def require_links_inside(folder: Path) -> None:
    """Raise UserError naming a link in the folder that leads out of it, through which a run would write elsewhere."""
    top = folder.resolve()
    for link in links(folder):
        if not link.resolve().is_relative_to(top):
            raise UserError(f"{link} is a link to {link.readlink()}, outside of the run's folder: remove it")


def links(folder: Path) -> Iterator[Path]:
    """Yield every symbolic link at any depth of a folder, without following any."""
    pending = [folder]
    while pending:
        for entry in os.scandir(pending.pop()):
            if entry.is_symlink():
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False) and entry.name not in OWN_LINKS:
                pending.append(Path(entry.path))
