"""Command-line overrides of a resumed run: the values that may change, and the options that may be replaced."""

from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.config import checks, composition
from ganexp.config.messages import explain, unknown
from ganexp.config.types import check_types, flatten
from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.fixed_settings import ADJUSTABLE, CHANGEABLE, describe_changes, fixed_settings, may_adjust, may_change
from ganexp.runs.write_paths import bounded

REPLACEABLE = ("trainer", "logger", "precision")
"""Config groups in which a resumed run may select another option, in the order in which they are applied."""


def check_saved(config: DictConfig) -> None:
    """Raise UserError for a saved configuration, overrides included, that cannot be trained."""
    resolved = composition.resolve(bounded(config))
    checks.check_parts(resolved)
    checks.check_folders(resolved["data"])
    checks.check(resolved)


def with_overrides(config: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration with some values replaced.

    Raises UserError for an unknown key, a value of the wrong type, and a setting that cannot change.
    """
    malformed = [override for override in overrides if "=" not in override or override[0] in "-+~"]
    if malformed:
        raise UserError(f"{malformed[0]}: resume= accepts only KEY=VALUE overrides, such as images=100000")
    replaced = sorted(filter(is_replacement, overrides), key=lambda override: REPLACEABLE.index(group_of(override)))
    config = with_options(config, replaced)
    unchanged = [override for override in overrides if override not in replaced and is_unchanged(config, override)]
    overrides = [override for override in overrides if override not in replaced + unchanged]
    before: Any = OmegaConf.to_container(config)
    known_keys = [key for key, _ in flatten(before)]
    for override in overrides:
        key = group_of(override)
        if key not in known_keys and not names_option(override):
            raise UserError(unknown(key, "option", key, known_keys))
        if not may_change(key) and not may_adjust(key, plain_value(config, key)):
            raise UserError(
                f"{override}: a resumed run keeps its {key.partition('.')[0]}; only {', '.join(CHANGEABLE)}, and "
                f"values in {', '.join(ADJUSTABLE)} and model can change; start a new run to use another"
                f"{describe_difference(config, override)}"
            )
        OmegaConf.update(config, key, value_of(override))
    after: Any = OmegaConf.to_container(config)
    given = [override.partition("=")[0] for override in overrides]
    check_types(after, before, given)
    config[run_folder.GIVEN] = given
    return config


def value_of(override: str) -> Any:
    """Return the value of KEY=VALUE; raises UserError if it cannot be read."""
    value = override.partition("=")[2]
    try:
        # Reads 1e-5 as a number, unlike yaml's own loader.
        return OmegaConf.select(OmegaConf.from_dotlist([f"value={value}"]), "value")
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise UserError(f"{override}: {explain(error)}") from error


def with_options(config: DictConfig, choices: list[str]) -> DictConfig:
    """Return the configuration with another option for some config groups.

    An option replaces its group, or the values that it sets where the group is not a part of the configuration.
    """
    for choice in choices:
        composed = composition.compose("train", [choice])
        for key in [group_of(choice)] if group_of(choice) in composed else keys_set_by(choice):
            OmegaConf.update(config, key, plain_value(composed, key), merge=False)
    return config


def keys_set_by(choice: str) -> list[str]:
    """Return the dotted keys of the values that an option of a config group sets."""
    group, _, name = choice.partition("=")
    return [key for key, value in flatten(composition.option(group, name)) if not isinstance(value, dict)]


def plain_value(config: DictConfig, key: str) -> Any:
    """Return the value of a dotted key, unresolved and as plain containers."""
    value = OmegaConf.select(config, key)
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


def group_of(override: str) -> str:
    """Return the config group, or the key, that an override names."""
    return override.partition("=")[0]


def is_replacement(override: str) -> bool:
    """Return whether an override chooses another option of a config group that may be replaced."""
    return group_of(override) in REPLACEABLE and composition.is_choice(override, [composition.conf_dir()])


def is_unchanged(config: DictConfig, override: str) -> bool:
    """Return whether an override chooses the option, or repeats the value, that the run already has."""
    key = group_of(override)
    if names_option(override):
        return key in config and not describe_difference(config, override)
    if may_change(key):
        # Repeating a path says that the user wants it.
        return False
    missing = object()
    saved = OmegaConf.select(config, key, default=missing)
    return saved is not missing and not OmegaConf.is_config(saved) and saved == value_of(override)


def names_option(override: str) -> bool:
    """Return whether an override chooses an option of a top-level config group."""
    return "/" not in group_of(override) and composition.is_choice(override, [composition.conf_dir()])


def is_reference(value: Any) -> bool:
    """Return whether a value is that of another setting."""
    return isinstance(value, str) and value.startswith("${")


def describe_difference(config: DictConfig, override: str) -> str:
    """Return a description of how the run differs from the option or value of an override."""
    key = group_of(override)
    if key.partition(".")[0] not in config:
        return ""
    if not names_option(override):
        return f" (the run has {key}={OmegaConf.select(config, key)})"
    nodes = (config[key], composition.compose("train", [override])[key])
    saved, selected = (fixed_settings(OmegaConf.create({key: OmegaConf.to_container(node)})) for node in nodes)
    given = {
        name: saved.get(name, value) if composition.is_of_the_data(value) else value
        for name, value in selected.items()
        # Since a later version passes a setting on to one more place, which says nothing new.
        if name in saved or not is_reference(value)
    }
    changes = describe_changes(saved, given)
    return f" (the run differs: {changes})" if changes else ""
