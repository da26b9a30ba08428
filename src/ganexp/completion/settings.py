"""Settings of a configuration, read from the files of the config groups: what Hydra composes, in a tenth of the time.

Values are those of the files, with references unresolved.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str, str]
"""A config group and the dotted place in the configuration that its option sets."""

PACKAGE = re.compile(r"^# @package (\S+)", re.MULTILINE)
GLOBAL = "_global_"
OVERRIDE = "override "
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Choice:
    """One entry of a defaults list: the options of a group, and the place that they set if it is given.

    A fixed one, of the same group, is extended and not chosen.
    """

    group: str
    place: str | None
    options: tuple[str, ...]
    is_override: bool = False
    is_fixed: bool = False

    @property
    def key(self) -> Place:
        """Return what another choice must share to replace this one."""
        return self.group, dotted(self.group) if self.place is None else self.place


@dataclass
class Composer:
    """Composes the options of config groups; an option in several folders is that of the first."""

    folders: Sequence[Path]
    chosen: dict[Place, tuple[str, ...]] = field(default_factory=dict)

    def settings(self, name: str, overrides: Sequence[str]) -> dict[str, Any]:
        """Return the configuration ``name`` (train, evaluate or analyze) with the groups that some overrides choose.

        What cannot be read is left out.
        """
        given = {override: choice for override in overrides if (choice := as_choice(override)) is not None}
        self.chosen = {choice.key: choice.options for choice in given.values()}
        added = [choice for override, choice in given.items() if override.startswith("+")]
        tree: dict[str, Any] = {}
        # Options that extend each other have no end.
        with suppress(RecursionError):
            for place, content in self.contents("", name, "", added):
                merge(tree, nested(place, content))
        return tree

    def contents(
        self, group: str, option: str, place: str, added: Sequence[Choice] = ()
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return (place, content) of an option and of all that its defaults choose, in the order of their merging."""
        header, content = self.read(group, option)
        own = place if header is None else absolute(header, "")
        listed = content.pop("defaults", None)
        entries = listed if isinstance(listed, list) else []
        defaults = [choice for entry in entries for choice in choices(entry, group, own)]
        # As in Hydra, the last of several overrides counts, and those of the command line before any.
        for choice in reversed(defaults):
            if choice.is_override:
                self.chosen.setdefault(choice.key, choice.options)
        collected: list[list[tuple[str, dict[str, Any]]]] = []
        for choice in reversed([*(choice for choice in defaults if not choice.is_override), *added]):
            options = choice.options if choice.is_fixed else self.chosen.get(choice.key, choice.options)
            collected.append([part for name in options for part in self.contents_of(choice, name)])
        below = [part for parts in reversed(collected) for part in parts]
        return [(own, content), *below] if not group else [*below, (own, content)]

    def contents_of(self, choice: Choice, option: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the contents of one option of a choice."""
        if choice.place is None:
            return self.contents(choice.group, option, dotted(choice.group))
        return [(choice.place, content) for _, content in self.contents(choice.group, option, choice.place)]

    def read(self, group: str, option: str) -> tuple[str | None, dict[str, Any]]:
        """Return the package in an option's first lines, None without one, and its content."""
        for folder in self.folders:
            path = folder / group / f"{option}.yaml"
            if path.is_file():
                return parsed(path)
        return None, {}


def parsed(path: Path) -> tuple[str | None, dict[str, Any]]:
    """Return the package and the content of a file; what is no YAML, or no mapping, is empty."""
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text, LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return None, {}
    package = PACKAGE.search(text)
    return (package[1] if package else None), content if isinstance(content, dict) else {}


def choices(entry: Any, group: str, place: str) -> Iterator[Choice]:
    """Yield the choice of an entry in the defaults of an option of ``group`` at ``place``; none of ``_self_``."""
    if isinstance(entry, str) and entry != "_self_":
        yield Choice(group, None if place == dotted(group) else place, (entry,), is_fixed=True)
    elif isinstance(entry, dict):
        for key, value in entry.items():
            is_override = str(key).startswith(OVERRIDE)
            name, _, package = str(key).removeprefix(OVERRIDE).removeprefix("optional ").partition("@")
            inner = name[1:] if name.startswith("/") else f"{group}/{name}" if group else name
            if not inner.startswith("hydra"):
                yield Choice(inner, absolute(package, place) if package else None, as_options(value), is_override)


def as_choice(override: str) -> Choice | None:
    """Return what an override chooses if its key may be a group; axes of a sweep count by their first option."""
    key, equals, value = override.lstrip("+").partition("=")
    group, _, package = key.partition("@")
    if not equals or not value or "." in group:
        return None
    options = value.strip("[]").split(",") if value.startswith("[") else value.split(",")[:1]
    return Choice(group, absolute(package, "") if package else None, tuple(option.strip() for option in options))


def as_options(value: Any) -> tuple[str, ...]:
    """Return the options of a value in a defaults list."""
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]) if item is not None)


def absolute(package: str, parent: str) -> str:
    """Return the place of a package that is relative to the place of its parent, unless it starts at the root."""
    if package == GLOBAL or package.startswith(f"{GLOBAL}."):
        return package.removeprefix(GLOBAL).removeprefix(".")
    return ".".join(part for part in (parent, package) if part)


def dotted(group: str) -> str:
    """Return the place that the options of a group set by default."""
    return group.replace("/", ".")


def nested(place: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the content at a dotted place."""
    for name in reversed(place.split(".") if place else []):
        content = {name: content}
    return content


def merge(tree: dict[str, Any], update: dict[str, Any]) -> None:
    """Merge one mapping into another; whatever is no mapping on both sides is replaced."""
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge(tree[key], value)
        else:
            tree[key] = dict(value) if isinstance(value, dict) else value
