"""The configuration: where it lies, how it is composed, and what is said when that fails."""

import difflib
import fnmatch
import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from ganexp.data.folders import class_folders
from ganexp.distributed.slurm import batch_job
from ganexp.errors import UserError, one_line

# Our defaults of a launcher have the plugin's name for it; that they are checked against its own is welcome.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")

PACKAGE = Path(__file__).parents[1]
EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", list: "a list"}
# Hydra's own checks of its flags raise ValueError.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def conf_dir() -> Path:
    """Return the folder of the config groups: beside the modules in a wheel, at the root in a repository."""
    packaged = PACKAGE / "conf"
    return packaged if packaged.is_dir() else PACKAGE.parents[1] / "conf"


def sweeps_dir() -> Path:
    """Return the folder of the sweeps, which is beside that of the config groups."""
    # Not PACKAGE / "sweeps", which is the package's own code in a repository.
    return conf_dir().parent / "sweeps"


def register_sweeps() -> None:
    """Make ``+sweeps=NAME`` known to Hydra, which would take all folders beside ``sweeps`` for config groups too."""
    for path in sorted(sweeps_dir().glob("*.yaml")):
        ConfigStore.instance().store(path.stem, OmegaConf.load(path), "sweeps", "_global_", provider="ganexp")


def register_resolvers() -> None:
    """Make ``${interval:…}``, ``${class_folders:…}`` and ``${start:…}`` known to OmegaConf."""
    OmegaConf.register_new_resolver("interval", interval, replace=True)
    OmegaConf.register_new_resolver("class_folders", class_folders, replace=True)
    OmegaConf.register_new_resolver("start", start, replace=True, use_cache=True)


def interval(images: int, times: int, at_most: int) -> int:
    """Return every how many images something happens that should happen ``times`` times, or oftener."""
    return max(1, min(-(-images // times), at_most))


def start(time: str) -> str:
    """Return a start's name: the time in this form, or the SLURM job's, which may be started again."""
    job = batch_job()
    return datetime.now().strftime(time) if job is None else job.name


def groups(*folders: Path) -> dict[str, list[str]]:
    """Return the options of each config group in the folders, nested groups included, by the group's path."""
    files = {path.relative_to(folder) for folder in folders for path in folder.rglob("*.yaml")}
    found: dict[str, list[str]] = {}
    for path in sorted(file for file in files if len(file.parts) > 1):
        found.setdefault(path.parent.as_posix(), []).append(path.stem)
    return found


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every node of plain containers, inner nodes included."""
    if isinstance(node, dict):
        for key, value in node.items():
            dotted = f"{prefix}{key}"
            yield dotted, value
            yield from flatten(value, f"{dotted}.")


def resolve(config: DictConfig) -> dict[str, Any]:
    """Return the resolved configuration as plain containers.

    Raises UserError naming a value that is missing or refers to nothing, or with what a resolver refuses.
    """
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from error
        raise UserError(explain(error)) from error


OF_SEVERAL_KINDS = ("trainer.devices",)
"""A number or a list of numbers; `checks` looks at their values."""


def check_types(values: dict[str, Any], defaults: dict[str, Any], keys: list[str]) -> None:
    """Raise UserError if a value that the user gave is of another kind than the default at its place."""
    given, expected = dict(flatten(values)), dict(flatten(defaults))
    for key in keys:
        value, default = given.get(key), expected.get(key)
        if key not in OF_SEVERAL_KINDS and not same_kind(value, default):
            wanted = EXPECTED.get(type(default), "a group of values")
            example = "" if isinstance(default, dict) else f", for example {key}={default}"
            raise UserError(f"{key}={value}: {wanted} is expected{example}")


def same_kind(value: Any, default: Any) -> bool:
    """Return whether the value could stand in the default's place; nothing is known of null and of references."""
    if any(known is None or (isinstance(known, str) and "${" in known) for known in (value, default)):
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, str):
        return not isinstance(value, dict)
    return isinstance(value, type(default))


def explain(error: Exception, known: Sequence[str] = ()) -> str:
    """Say in one line what is wrong with a configuration, with the nearest of the ``known`` names."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        # Hydra does not say the options where several are chosen.
        options = error.options or groups(conf_dir()).get(group)
        if options:
            return unknown(f"{group}={option}", f"{group} option", option, sorted(options))
    text = one_line(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not set: give {error.full_key}=…"
    if missing := re.search(r"Missing mandatory value: (\S+)", text):
        # The error's own key is that of what refers to it.
        return f"{missing[1]} is not set: give {missing[1]}=…"
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        where = "" if mark.name.startswith("<") else f"{mark.name}, line {mark.line + 1}: "
        return f"{where}not valid YAML: {error.problem}"
    key = re.match(r"Could not (?:override|delete from config\.|append to config\.) '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and key:
        if key[1] not in known:
            return unknown(key[1], "option", key[1], known)
        if text.startswith("Could not override"):
            return f"{key[1]} is there only with what this sweep chooses: write ++{key[1]}=…"
        # Hydra's word for appending to a key that exists already is clear as it stands.
        return text
    return text.partition(" full_key:")[0]


def unknown(given: str, kind: str, name: str, candidates: Sequence[str]) -> str:
    """Say that a name does not exist, which is nearest, and, where they are few, which there are."""
    close = nearest(name, candidates)
    hint = f"; did you mean {close}?" if close else "."
    listed = f" There are: {', '.join(candidates)}" if len(candidates) <= 40 else " See: python -m ganexp list"
    return f"{given}: no such {kind}{hint}{listed}"


def nearest(name: str, candidates: Sequence[str]) -> str | None:
    """Return the candidate most like the name, compared whole or by its last part."""
    close = difflib.get_close_matches(name, candidates, n=1)
    if close:
        return close[0]
    last = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    close = difflib.get_close_matches(name.rpartition(".")[2], last, n=1)
    return last[close[0]] if close else None


def known_keys(overrides: list[str], folders: list[Path]) -> list[str]:
    """Return every config group and every key of the configuration that the valid group choices compose to.

    Of a sweep's axes that is the first choice.
    """
    choices = [choice for choice in (first_choice(each, folders) for each in overrides) if is_choice(choice, folders)]
    return [*groups(*folders), *(key for key, _ in flatten(compose(choices, folders)))]


def first_choice(override: str, folders: list[Path]) -> str:
    """Return the first of the options that a sweep's axis names; any other override as it is."""
    group, _, values = override.partition("=")
    options: list[str] = []
    if pattern := re.fullmatch(r"glob\((.+)\)", values):
        options = fnmatch.filter(groups(*folders).get(group, []), pattern[1])
    elif is_choice(override, folders) and not values.startswith("["):
        options = values.split(",")
    return f"{group}={options[0].strip()}" if options else override


def is_choice(override: str, folders: list[Path]) -> bool:
    """Return whether an override chooses existing options of an existing config group."""
    group, _, choice = override.lstrip("+").partition("=")
    options = groups(*folders).get(group.partition("@")[0], [])
    return all(option.strip() in options for option in choice.strip("[]").split(","))


def compose(overrides: list[str], folders: list[Path]) -> dict[str, Any]:
    """Return the unresolved configuration for some overrides, as plain containers; empty where that fails."""
    search = f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in folders if folder.is_dir())}]"
    try:
        return OmegaConf.to_container(_compose("train", [search, *overrides]))  # type: ignore[return-value]
    except COMPOSITION_ERRORS:
        return {}


def option(group: str, name: str) -> dict[str, Any]:
    """Return what one option of a config group sets, unresolved and by itself, as plain containers."""
    return OmegaConf.to_container(_compose(f"{group}/{name}", []))  # type: ignore[return-value]


def composed(name: str, overrides: list[str]) -> DictConfig:
    """Return the configuration of that name for some overrides.

    Raises UserError for what it does not have and for values of the wrong kind.
    """
    choices = [override for override in overrides if is_choice(override, [conf_dir()])]
    keys = [override.lstrip("+").partition("=")[0] for override in overrides if override not in choices]
    try:
        defaults = OmegaConf.to_container(_compose(name, choices))
        config = _compose(name, overrides)
    except COMPOSITION_ERRORS as error:
        raise UserError(explain(error, [*groups(conf_dir()), *_keys(name)])) from error
    check_types(OmegaConf.to_container(config), defaults, keys)  # type: ignore[arg-type]
    return config


def _keys(name: str) -> list[str]:
    return [key for key, _ in flatten(OmegaConf.to_container(_compose(name, [])))]


def _compose(name: str, overrides: list[str]) -> DictConfig:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return hydra_compose(name, overrides)
