"""Answers to a completion of the command line, from the folders of the configuration alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from ganexp.completion import paths
from ganexp.completion.answer import Answer
from ganexp.completion.command_keys import command_keys
from ganexp.completion.commands import ANALYSIS, SWEEPS, TAKES, Command
from ganexp.completion.settings import Composer
from ganexp.config.descriptions import description
from ganexp.config.folders import conf_dir, groups, sweeps_dir

FLAG_VALUES = {"--cfg": ("job", "hydra", "all"), "-c": ("job", "hydra", "all")}
FOLDER_FLAGS = ("--config-dir", "-cd")
PATH_KEYS = ("a", "b", "data_root", "fake", "input", "out", "path", "real", "root", "run_dir", "sweep_dir", "to")
CHOICES = {"checkpoint": ("last", "best")}


@dataclass(frozen=True)
class Completion:
    """The answers for a word after some arguments; ``commands`` are all commands with their descriptions."""

    arguments: Sequence[str]
    word: str
    commands: Mapping[str, str]

    @cached_property
    def command(self) -> str:
        """The command, which is train where none is given."""
        return next((argument for argument in self.arguments[:1] if argument in self.commands), "train")

    @cached_property
    def takes(self) -> Command:
        """What may follow the command."""
        return TAKES.get(self.command, Command())

    @cached_property
    def rest(self) -> list[str]:
        """The arguments of the command."""
        return [*self.arguments[1:]] if self.arguments[:1] == (self.command,) else [*self.arguments]

    @cached_property
    def folders(self) -> list[Path]:
        """The folders of the config groups: ganexp's own, and the one that is given."""
        separate = [value for flag, value in pairwise(self.rest) if flag in FOLDER_FLAGS]
        joined = [text.partition("=")[2] for text in self.rest if text.startswith("--config-dir=")]
        return [conf_dir(), *(Path(folder).expanduser() for folder in [*separate, *joined])]

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """The options of the config groups that the command has."""
        existing = groups(*(folder for folder in self.folders if folder.is_dir()))
        outer = [name for name in existing if name != ANALYSIS] if self.takes.groups is None else self.takes.groups
        return {group: names for group, names in existing.items() if group.partition("/")[0] in outer}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The configuration of the command's arguments."""
        name = self.takes.composes
        return {} if name is None else Composer(self.folders).settings(name, self.rest)

    @cached_property
    def keys(self) -> dict[str, str]:
        """The types of the command's own keys, such as those of the only analysis, which need no prefix."""
        own = {**command_keys(self.command), **dict.fromkeys(self.takes.keys, "str")}
        chosen = at(self.settings, self.takes.unprefixed) if self.takes.unprefixed else {}
        options = [at(chosen, name) for name in chosen if len(chosen) == 1]
        return own | {key: type(value).__name__ for values in options for key, value in values.items() if key[0] != "_"}

    def answers(self) -> list[Answer]:
        """Return the words that start with the one at the cursor, each once, in their order."""
        matching = {answer.text: answer for answer in self.candidates() if answer.text.startswith(self.word)}
        return list(matching.values())

    def candidates(self) -> Iterator[Answer]:
        """Yield what may stand at the cursor; some of it may not start with the word there."""
        before = self.rest[-1] if self.rest else ""
        if before in FOLDER_FLAGS:
            return paths.paths(self.word)
        if before in FLAG_VALUES:
            return map(Answer, FLAG_VALUES[before])
        if self.word.startswith("-"):
            return self.flags()
        if "=" in self.word:
            return self.values()
        return self.words()

    def flags(self) -> Iterator[Answer]:
        """Yield the flags of the command."""
        return (Answer(flag, description=text) for flag, text in self.takes.flags.items())

    def words(self) -> Iterator[Answer]:
        """Yield commands, keys and whatever else a command takes that is not KEY=VALUE."""
        if not self.arguments:
            yield from (Answer(name, description=text) for name, text in self.commands.items())
        first = () if self.rest else tuple(self.takes.first())
        if first:
            yield from map(Answer, first)
        else:
            yield from self.takes.others(self.word)
            yield from self.keyed()

    def keyed(self) -> Iterator[Answer]:
        """Yield groups and keys, dotted ones one component at a time; a sign before the key stays there."""
        key = self.word.lstrip("+~")
        sign = self.word[: len(self.word) - len(key)]
        end = "" if sign == "~" else "="
        offered = [*self.keys, *self.groups, *([SWEEPS] if sign == "+" and self.takes.is_swept else [])]
        for name in self.keys if self.takes.composes is None else offered:
            # Nested groups only where one is begun, as there are many.
            if "/" not in name or "/" in key or name.partition("/")[0] == key:
                yield Answer(f"{sign}{name}{end}", is_finished=not end)
        outer, dot, _ = key.rpartition(".")
        for name, value in at(self.settings, outer).items():
            place = f"{sign}{outer}{dot}{name}"
            if isinstance(value, dict) and value:
                yield Answer(f"{place}.", is_finished=False)
            if not isinstance(value, dict) or sign == "~":
                yield Answer(f"{place}{end}", is_finished=not end)

    def values(self) -> Iterator[Answer]:
        """Yield values of the key before the sign of equality."""
        key, _, value = self.word.partition("=")
        name = key.lstrip("+~")
        group = name.partition("@")[0]
        if name in self.takes.run_keys:
            return prefixed(f"{key}=", paths.runs(value))
        if group in self.groups or group == SWEEPS:
            return prefixed(f"{key}=", self.options(group, value))
        if name.rpartition(".")[2] in PATH_KEYS:
            return prefixed(f"{key}=", paths.paths(value))
        return prefixed(f"{key}=", map(Answer, self.plain_values(name)))

    def options(self, group: str, value: str) -> Iterator[Answer]:
        """Yield the options of a group, after those already in a list ``[a,b`` or in the axis of a sweep ``a,b``."""
        names = sorted(path.stem for path in sweeps_dir().glob("*.yaml")) if group == SWEEPS else self.groups[group]
        given = value[: max(value.rfind(","), value.rfind("[")) + 1]
        used = given.strip("[").split(",")
        for name in (name for name in names if name not in used):
            yield Answer(f"{given}{name}", not given.startswith("["), self.described(group, name))

    def described(self, group: str, name: str) -> str:
        """Return the description of an option."""
        folders = [sweeps_dir().parent] if group == SWEEPS else self.folders
        files = [path for folder in folders if (path := folder / group / f"{name}.yaml").is_file()]
        return description(files[0]) if files else ""

    def plain_values(self, name: str) -> Iterable[str]:
        """Return true and false, the checkpoints, or the value that a setting has now."""
        if name in CHOICES:
            return CHOICES[name]
        if name in self.keys:
            return ("true", "false") if self.keys[name] == "bool" else ()
        outer, _, last = name.rpartition(".")
        value = at(self.settings, outer).get(last)
        if isinstance(value, bool):
            return ("true", "false")
        is_plain = isinstance(value, str | int | float) and not {"$", "?"} & set(str(value))
        return (str(value),) if is_plain else ()


def at(tree: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """Return the mapping at a dotted place, an empty one where there is none."""
    node: Any = tree
    for name in place.split(".") if place else []:
        node = node.get(name) if isinstance(node, dict) else None
    return {str(key): value for key, value in node.items()} if isinstance(node, dict) else {}


def prefixed(prefix: str, answers: Iterable[Answer]) -> Iterator[Answer]:
    """Yield answers with a text before each."""
    return (Answer(f"{prefix}{answer.text}", answer.is_finished, answer.description) for answer in answers)
