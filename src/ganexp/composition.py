"""The configuration: where it lies, how it is composed, and what is said when that fails."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from ganexp.data.folders import class_folders
from ganexp.errors import UserError

PACKAGE = Path(__file__).parent
EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", list: "a list"}


def conf_dir() -> Path:
    """Return the folder of the config groups: beside the modules in a wheel, at the root in a repository."""
    packaged = PACKAGE / "conf"
    return packaged if packaged.is_dir() else PACKAGE.parents[1] / "conf"


def register_resolvers() -> None:
    """Make ``${interval:…}`` and ``${class_folders:…}`` known to OmegaConf."""
    OmegaConf.register_new_resolver("interval", interval, replace=True)
    OmegaConf.register_new_resolver("class_folders", class_folders, replace=True)


def interval(images: int, times: int, at_most: int) -> int:
    """Return every how many images something happens that should happen ``times`` times, or oftener."""
    return max(1, min(-(-images // times), at_most))


def groups(folder: Path) -> dict[str, list[str]]:
    """Return the options of each config group, nested groups included, by the group's path."""
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.yaml") if path.parent != folder)
    found: dict[str, list[str]] = {}
    for path in files:
        found.setdefault(path.parent.as_posix(), []).append(path.stem)
    return found


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every node of plain containers, inner nodes included."""
    if isinstance(node, dict):
        for key, value in node.items():
            dotted = f"{prefix}{key}"
            yield dotted, value
            yield from flatten(value, f"{dotted}.")


def plain(config: DictConfig) -> dict[str, Any]:
    """Return the resolved configuration as plain containers.

    Raises UserError naming a value that is missing or refers to nothing.
    """
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise UserError(explain(error)) from error


def check_types(values: dict[str, Any], defaults: dict[str, Any], keys: list[str]) -> None:
    """Raise UserError if a value that the user gave is of another kind than the default at its place."""
    given, expected = dict(flatten(values)), dict(flatten(defaults))
    for key in keys:
        value, default = given.get(key), expected.get(key)
        if not same_kind(value, default):
            wanted = EXPECTED.get(type(default), "a group of values")
            raise UserError(f"{key}={value}: {wanted} is expected, for example {key}={default}")


def same_kind(value: Any, default: Any) -> bool:
    """Return whether the value could stand in the default's place; nothing is known of null and of references."""
    if value is None or default is None or "${" in f"{value}{default}":
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, str):
        return not isinstance(value, dict)
    return isinstance(value, type(default))


def explain(error: Exception, arguments: list[str] | None = None) -> str:
    """Say in one line what is wrong with a configuration, with the nearest name that exists."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return unknown(f"{group}={option}", f"{group} option", option, sorted(error.options))
    text = " ".join(str(error).split())
    key = re.match(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and key:
        return unknown(key[1], "option", key[1], known_keys(arguments or []))
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not set: give {error.full_key}=…"
    return text


def unknown(given: str, kind: str, name: str, candidates: list[str]) -> str:
    """Say that a name does not exist, which is nearest, and, where they are few, which there are."""
    close = nearest(name, candidates)
    hint = f"; did you mean {close}?" if close else "."
    listed = f" There are: {', '.join(candidates)}" if len(candidates) <= 40 else " See: python -m ganexp list"
    return f"{given}: no such {kind}{hint}{listed}"


def nearest(name: str, candidates: list[str]) -> str | None:
    """Return the candidate most like the name, compared whole or by its last part."""
    close = difflib.get_close_matches(name, candidates, n=1)
    if close:
        return close[0]
    last = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    close = difflib.get_close_matches(name.rpartition(".")[2], last, n=1)
    return last[close[0]] if close else None


def known_keys(arguments: list[str]) -> list[str]:
    """Return every config group and every key of the configuration that the valid group choices compose to."""
    choices = [argument for argument in arguments if is_choice(argument)]
    return [*groups(conf_dir()), *(key for key, _ in flatten(compose(choices)))]


def is_choice(argument: str) -> bool:
    """Return whether an override chooses an existing option of an existing config group."""
    group, _, option = argument.lstrip("+").partition("=")
    return option in groups(conf_dir()).get(group.partition("@")[0], [])


def compose(overrides: list[str]) -> dict[str, Any]:
    """Return the unresolved configuration for some overrides, as plain containers."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_container(hydra_compose("train", overrides))  # type: ignore[return-value]


COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
