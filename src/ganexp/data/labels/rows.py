"""Rows of label files: CSV, JSON, JSON Lines, and the text format of CelebA's attributes.

Free of heavy imports, because the configuration uses this module.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.errors import UserError, one_line

FILE_COLUMNS = ("file", "file_name", "filename")
LABEL = "label"
ATTRIBUTES = "attributes"
ON = ("1", "true", "yes")
OFF = ("0", "-1", "false", "no")
SUFFIXES = (".csv", ".json", ".jsonl", ".txt")


class Rows(NamedTuple):
    """Rows of a label file: files, and each one's class, or its attributes, 0 or 1 in the order of ``attributes``."""

    files: list[str]
    classes: list[str]
    values: list[tuple[int, ...]]
    attributes: list[str]


class _BadRowError(ValueError):
    """A row that cannot be used."""


def read_rows(path: Path) -> Rows:
    """Return the rows of a label file.

    A CSV file has a column `file` (or `file_name`), and either `label` or a column of 0 and 1 (or -1 and 1) for each
    attribute. JSON is a list of objects with the same keys, or with `attributes`, an object of 0 and 1 or a list of
    those that apply; {"file": label, …}; or {"labels": [["file", label], …]}, as StyleGAN's dataset.json. JSON Lines
    has an object per line. Text is CelebA's list_attr_celeba.txt. Raises UserError naming the file for anything else.
    """
    readers = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_json_lines, ".txt": _read_celeba}
    if path.suffix.lower() not in readers:
        raise UserError(f"data.labels={path}: give a file that ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UserError(f"data.labels={path}: {'it is not a file' if path.exists() else 'there is no such file'}")
    try:
        rows = readers[path.suffix.lower()](path)
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise UserError(f"data.labels={path}: {one_line(error)}") from error
    if not rows.files:
        raise UserError(f"data.labels={path}: it has no rows")
    return rows


def _read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header = [name.strip() for name in next(lines, [])]
        place = next((header.index(name) for name in FILE_COLUMNS if name in header), None)
        if place is None:
            raise _BadRowError(f"there is no column {FILE_COLUMNS[0]!r}; its first line is {','.join(header)[:200]!r}")
        return _from_table(header, place, lines, "line")


def _from_table(header: Sequence[str], place: int, lines: Iterable[Sequence[str]], unit: str) -> Rows:
    rows = Rows([], [], [], [])
    label = header.index(LABEL) if LABEL in header else None
    columns = [] if label is not None else [number for number in range(len(header)) if number != place]
    rows.attributes.extend(header[number] for number in columns)
    if label is None and not columns:
        raise _BadRowError(f"there is no column {LABEL!r}, and none of attributes")
    same: dict[tuple[int, ...], tuple[int, ...]] = {}
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise _BadRowError(f"{unit} {number} has {len(line)} values, and there are {len(header)} columns")
        rows.files.append(line[place].strip())
        if label is not None:
            rows.classes.append(_class_name(line[label], line[place]))
        else:
            values = tuple(_flag(line[column], header[column], line[place]) for column in columns)
            rows.values.append(same.setdefault(values, values))
    return rows


def _read_celeba(path: Path) -> Rows:
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise _BadRowError("it does not begin with a number and a line of attributes, as CelebA's list_attr_celeba.txt")
    names = [FILE_COLUMNS[0], *lines[1].split()]
    return _from_table(names, 0, (line.split() for line in lines[2:]), "row")


def _read_json(path: Path) -> Rows:
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, Mapping) and isinstance(content.get("labels"), list):
        content = content["labels"]
    elif isinstance(content, Mapping):
        content = list(content.items())
    if not isinstance(content, list):
        raise _BadRowError("it is neither a list nor an object")
    return _from_items(content)


def _read_json_lines(path: Path) -> Rows:
    lines = path.read_text(encoding="utf-8").split("\n")
    return _from_items(json.loads(line) for line in lines if line.strip())


def _from_items(items: Iterable[Any]) -> Rows:
    files, labels = [], []
    for number, item in enumerate(items, start=1):
        file, label = _pair(item, number)
        files.append(file)
        labels.append(label)
    marked = [isinstance(label, Mapping | list) for label in labels]
    if not any(marked):
        return Rows(files, [_class_name(label, file) for file, label in zip(files, labels, strict=True)], [], [])
    if not all(marked):
        raise _BadRowError(f"{files[marked.index(False)]} has one label, and others have attributes")
    return _with_attributes(files, labels)


def _pair(item: Any, number: int) -> tuple[str, Any]:
    """Return the file and the label of an item: a pair, or an object."""
    if isinstance(item, Mapping):
        name = next((key for key in FILE_COLUMNS if key in item), None)
        if name is None:
            raise _BadRowError(f"item {number} has no {FILE_COLUMNS[0]!r}")
        if LABEL not in item and ATTRIBUTES not in item:
            rest = {key: value for key, value in item.items() if key != name}
            if not rest:
                raise _BadRowError(f"item {number} ({item[name]}) has neither {LABEL!r} nor {ATTRIBUTES!r}")
            return str(item[name]), rest
        return str(item[name]), item.get(LABEL, item.get(ATTRIBUTES))
    if isinstance(item, list | tuple) and len(item) == 2:
        return str(item[0]), item[1]
    raise _BadRowError(f"item {number} is neither an object nor a pair of a file and its label")


def _with_attributes(files: list[str], labels: Sequence[Mapping[str, Any] | list[Any]]) -> Rows:
    names = {str(name): None for label in labels for name in label}
    if not names:
        raise _BadRowError("it names no attribute")
    attributes = list(names) if isinstance(labels[0], Mapping) else sorted(names)
    same: dict[tuple[int, ...], tuple[int, ...]] = {}
    values = []
    for file, label in zip(files, labels, strict=True):
        row = tuple(_values(file, label, attributes))
        values.append(same.setdefault(row, row))
    return Rows(files, [], values, attributes)


def _values(file: str, label: Mapping[str, Any] | list[Any], attributes: list[str]) -> Iterator[int]:
    if isinstance(label, list):
        present = set(map(str, label))
        yield from (int(name in present) for name in attributes)
        return
    for name in attributes:
        if name not in label:
            raise _BadRowError(f"{file} has no attribute {name!r}")
        yield _flag(label[name], name, file)


def _class_name(label: Any, file: str) -> str:
    text = str(label).strip() if isinstance(label, str | int) else ""
    if not text:
        raise _BadRowError(f"{file} has no label: a name or a whole number is expected")
    return text


def _flag(value: Any, name: str, file: str) -> int:
    text = str(value).strip().lower()
    if text not in ON + OFF:
        raise _BadRowError(f"{file}: {name}={text[:50]}: attributes are 0 or 1, or -1 or 1")
    return int(text in ON)
