"""Composition of the configuration: its folders, resolvers and the choices in overrides."""

import fnmatch
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp.config.class_counts import (
    hf_attributes,
    hf_classes,
    parquet_attributes,
    parquet_classes,
    webdataset_classes,
)
from ganexp.config.folders import conf_dir as conf_dir
from ganexp.config.folders import groups as groups
from ganexp.config.folders import sweeps_dir as sweeps_dir
from ganexp.config.folders import template_dir as template_dir
from ganexp.config.messages import explain
from ganexp.config.types import check_types, flatten
from ganexp.data.files.folders import class_folders
from ganexp.data.labels.table import has_attributes
from ganexp.data.landmarks.channels import input_channels
from ganexp.data.packed.index import setting as packed_setting
from ganexp.data.translation.load_size import usual_load_size
from ganexp.distributed.slurm import batch_job
from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.terminal.text import shortened

LONGEST_FILE_NAME = 255
OF_THE_DATA = (
    "packed",
    "class_folders",
    "attributes_in",
    "parquet_classes",
    "parquet_attributes",
    "hf_classes",
    "hf_attributes",
    "webdataset_classes",
)
"""The resolvers of settings that the data's own files have."""

# conf/hydra/launcher has defaults under the plugins' own names; Hydra may validate them against the plugins' schemas.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")

# Hydra's own checks of its flags raise ValueError.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def register_sweeps() -> None:
    """Register ``+sweeps=NAME`` with Hydra, whose search path would make groups of the folders beside ``sweeps``."""
    for path in sorted(sweeps_dir().glob("*.yaml")):
        ConfigStore.instance().store(path.stem, OmegaConf.load(path), "sweeps", "_global_", provider="ganexp")


def register_resolvers() -> None:
    """Register ``${interval:…}``, ``${load_size:…}``, ``${class_folders:…}`` and so on with OmegaConf."""
    OmegaConf.register_new_resolver("interval", interval, replace=True)
    OmegaConf.register_new_resolver("load_size", load_size, replace=True)
    OmegaConf.register_new_resolver("driven_channels", input_channels, replace=True)
    OmegaConf.register_new_resolver("class_folders", class_folders, replace=True)
    OmegaConf.register_new_resolver("attributes_in", attributes_in, replace=True)
    OmegaConf.register_new_resolver("packed", packed_setting, replace=True)
    OmegaConf.register_new_resolver("parquet_classes", parquet_classes, replace=True)
    OmegaConf.register_new_resolver("parquet_attributes", parquet_attributes, replace=True)
    OmegaConf.register_new_resolver("hf_classes", hf_classes, replace=True)
    OmegaConf.register_new_resolver("hf_attributes", hf_attributes, replace=True)
    OmegaConf.register_new_resolver("webdataset_classes", webdataset_classes, replace=True)
    OmegaConf.register_new_resolver("start", start_name, replace=True, use_cache=True)


def interval(images: int, times: int, at_most: int) -> int:
    """Return the interval, in images, of an event that occurs at least ``times`` times during training."""
    return max(1, min(-(-images // times), at_most))


def load_size(image_size: int | Sequence[int]) -> Any:
    """Return the size that training images are cropped from, 286/256 of theirs (arXiv 1611.07004, sec. 6.2).

    Of [height, width] it has the same shape. What is no size is returned as it is: the schema names it.
    """
    try:
        size = ImageSize.of(image_size)
    except ValueError:
        return image_size
    return usual_load_size(size).setting


def attributes_in(labels: str | None, stated: bool = False) -> bool:
    """Return whether images have several attributes each, by a label file or as their columns are stated to have."""
    return stated or has_attributes(labels)


def start_name(time: str) -> str:
    """Return a name for the start of a run: the formatted time, or the SLURM job's name, which survives a requeue."""
    job = batch_job()
    return datetime.now().strftime(time) if job is None else job.name


def resolve(config: DictConfig) -> dict[str, Any]:
    """Return the resolved configuration as plain containers.

    Raises UserError naming a missing value or a broken reference, or with the error of a resolver.
    """
    with explained_references():
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]


@contextmanager
def explained_references() -> Iterator[None]:
    """Raise UserError for references of a configuration that cannot be resolved in the block, or a resolver's error."""
    try:
        yield
    except RecursionError as error:
        raise UserError("the configuration refers to itself: a reference ${…} leads back to its own place") from error
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from error
        raise UserError(explain(error)) from error


def settle(config: DictConfig, resolved: dict[str, Any]) -> None:
    """Replace what depends on the data's files in a configuration by its value in the resolved one."""
    values = dict(flatten(resolved))
    for key, value in flatten(OmegaConf.to_container(config)):
        if is_of_the_data(value):
            OmegaConf.update(config, key, values[key])


def is_of_the_data(value: Any) -> bool:
    """Return whether a value is a reference that a run replaces by what its data are when it starts."""
    return isinstance(value, str) and value.startswith(tuple(f"${{{resolver}:" for resolver in OF_THE_DATA))


def known_keys(overrides: list[str], folders: list[Path]) -> list[str]:
    """Return every config group, and every key of the configuration composed from the valid group choices.

    For an axis of a sweep its first choice is used.
    """
    choices = choices_among([first_choice(override, folders) for override in overrides], folders)
    return [*groups(*folders), *(key for key, _ in flatten(compose_or_empty(choices, folders)))]


def first_choice(override: str, folders: list[Path]) -> str:
    """Return the override with the first option of a sweep's axis; any other override unchanged."""
    group, _, values = override.partition("=")
    options: list[str] = []
    if pattern := re.fullmatch(r"glob\((.+)\)", values):
        options = fnmatch.filter(groups(*folders).get(group, []), pattern[1])
    elif is_choice(override, folders) and not values.startswith("["):
        options = values.split(",")
    return f"{group}={options[0].strip()}" if options else override


def is_choice(override: str, folders: list[Path]) -> bool:
    """Return whether an override chooses existing options of an existing config group."""
    return choices_among([override], folders) == [override]


def choices_among(overrides: list[str], folders: list[Path]) -> list[str]:
    """Return the overrides that choose existing options of existing config groups."""
    # Read once, not for each override: listing the folders takes milliseconds.
    options = groups(*folders)
    return [override for override in overrides if chooses(override, options)]


def chooses(override: str, options: Mapping[str, Sequence[str]]) -> bool:
    """Return whether an override chooses among the options of the config groups."""
    group, _, choice = override.lstrip("+").partition("=")
    existing = options.get(group.partition("@")[0], [])
    return all(option.strip() in existing for option in choice.strip("[]").split(","))


def require_short_keys(overrides: Sequence[str]) -> None:
    """Raise UserError for a key that is too long for the name of a file, as which Hydra looks it up."""
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if len(os.fsencode(key)) > LONGEST_FILE_NAME:
            raise UserError(f"{shortened(key)}: no such option")


def compose_or_empty(overrides: list[str], folders: list[Path]) -> dict[str, Any]:
    """Return the unresolved configuration for some overrides, as plain containers; empty if it cannot be composed."""
    search = f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in folders if folder.is_dir())}]"
    try:
        return OmegaConf.to_container(_compose("train", [search, *overrides]))  # type: ignore[return-value]
    except COMPOSITION_ERRORS:
        return {}


def option(group: str, name: str) -> dict[str, Any]:
    """Return the values that one option of a config group sets, composed alone and unresolved, as plain containers."""
    return OmegaConf.to_container(_compose(f"{group}/{name}", []))  # type: ignore[return-value]


def compose(name: str, overrides: list[str]) -> DictConfig:
    """Return the configuration ``name`` (train, evaluate or analyze) composed with some overrides.

    Raises UserError for keys and options that do not exist, and for values of the wrong type.
    """
    require_short_keys(overrides)
    choices = choices_among(overrides, [conf_dir()])
    keys = [override.lstrip("+").partition("=")[0] for override in overrides if override not in choices]
    try:
        config = _compose(name, overrides)
        defaults = _defaults(conf_dir(), name, tuple(choices)) if keys else {}
    except COMPOSITION_ERRORS as error:
        raise UserError(explain(error, [*groups(conf_dir()), *_keys(name, tuple(choices))])) from error
    check_types(OmegaConf.to_container(config), defaults, keys)  # type: ignore[arg-type]
    return config


@cache
def _defaults(folder: Path, name: str, choices: tuple[str, ...]) -> dict[str, Any]:
    """Return the unresolved configuration for some choices of a folder's groups; it must not be changed."""
    return OmegaConf.to_container(_compose(name, list(choices)))  # type: ignore[return-value]


def _keys(name: str, choices: tuple[str, ...]) -> list[str]:
    try:
        defaults = _defaults(conf_dir(), name, choices)
    except COMPOSITION_ERRORS:  # one of the choices does not exist
        defaults = _defaults(conf_dir(), name, ())
    return [key for key, _ in flatten(defaults)]


def _compose(name: str, overrides: list[str]) -> DictConfig:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return hydra_compose(name, overrides)
