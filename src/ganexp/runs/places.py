"""Places of the configuration and the code that each accepts: what ``conf/`` names there.

A place is a dotted key such as ``model.loss``. What an option names at a place is known from its file, from the package
that a defaults list gives it (``layer@generator: batch``), and from the references that copy one place to another
(``model.loss: ${loss}``).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

Targets = frozenset[str]

PACKAGE = re.compile(r"^# @package (\S+)$", re.MULTILINE)
GLOBAL = "_global_"
REFERENCE = re.compile(r"\$\{(?:oc\.select:)?([\w.]+)(?:,[^{}]*)?\}")
CHOICE = re.compile(r"^(?:override )?(?P<group>/?[\w/]+)@(?P<package>[\w.]+)$")


@dataclass(frozen=True)
class Places:
    """Targets by place, and the places whose content is that of other places."""

    targets: Mapping[str, Targets]
    copies: Mapping[str, frozenset[str]]

    def permitted(self, place: str) -> Targets:
        """Return the targets that the config groups name at a place; at a new one, those of the parts beside it."""
        origins = self.origins(place)
        if not origins.isdisjoint(self.targets):
            return Targets().union(*(self.targets.get(origin, ()) for origin in origins))
        groups = {origin.rpartition(".")[0] for origin in origins} - {""}
        return Targets().union(*(named for key, named in self.targets.items() if key.rpartition(".")[0] in groups))

    def origins(self, place: str) -> set[str]:
        """Return the place and every place that its content may be copied from."""
        found, new = {place}, [place]
        while new:
            current = new.pop()
            for prefix, rest in splits(current):
                for origin in self.copies.get(prefix, ()):
                    if origin + rest not in found:
                        found.add(origin + rest)
                        new.append(origin + rest)
        return found


def splits(place: str) -> Iterator[tuple[str, str]]:
    """Yield (prefix, rest) of a place at each of its dots, the whole place first."""
    parts = place.split(".")
    for number in range(len(parts), 0, -1):
        prefix = ".".join(parts[:number])
        yield prefix, place[len(prefix) :]


@cache
def options(folder: Path) -> Mapping[Path, Any]:
    """Return the content of every file in the config groups, as plain containers, references unresolved."""
    return {path: OmegaConf.to_container(OmegaConf.load(path)) for path in folder.rglob("*.yaml")}


@cache
def places(folder: Path) -> Places:
    """Return the places in the config groups of a folder."""
    targets: dict[str, set[str]] = defaultdict(set)
    copies: dict[str, set[str]] = defaultdict(set)
    for path, content in options(folder).items():
        group = path.parent.relative_to(folder).as_posix()
        top = package_of(path.read_text(encoding="utf-8"), group)
        for place, value in entries(content, top):
            if isinstance(value, dict) and isinstance(value.get("_target_"), str):
                targets[place].add(value["_target_"])
            elif isinstance(value, str) and (reference := REFERENCE.fullmatch(value)):
                copies[place].add(reference[1])
        for place, origin in chosen_places(content, group, top):
            copies[place].add(origin)
    return Places(
        {place: Targets(named) for place, named in targets.items()},
        {place: frozenset(origins) for place, origins in copies.items()},
    )


def package_of(text: str, group: str) -> str:
    """Return the place of an option file's content: its ``@package``, by default the path of its group."""
    header = PACKAGE.search(text)
    package = header[1] if header else group.replace("/", ".").strip(".")
    return "" if package == GLOBAL else package


def chosen_places(content: Any, group: str, top: str) -> Iterator[tuple[str, str]]:
    """Yield (place, place of the group) of every ``group@package`` in a defaults list."""
    defaults = content.get("defaults", []) if isinstance(content, dict) else []
    for choice in (name for default in defaults if isinstance(default, dict) for name in default):
        if match := CHOICE.match(choice):
            name, package = match["group"], match["package"]
            chosen = name.lstrip("/") if name.startswith("/") or group == "." else f"{group}/{name}"
            absolute = package.startswith(f"{GLOBAL}.")
            place = package.removeprefix(f"{GLOBAL}.") if absolute or not top else f"{top}.{package}"
            yield place, chosen.replace("/", ".")


def entries(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield (place, value) of a node of plain containers and of everything below it."""
    yield place, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from entries(value, f"{place}.{key}".lstrip("."))
