"""``ganexp resume=DIR``: go on with a run as if it had never stopped."""

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.config import checks, composition
from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.fixed_settings import CHANGEABLE, changes, may_change, settings
from ganexp.runs.write_paths import bounded
from ganexp.training.launch import fit

TRUST = "trust="
CHECKPOINT = "checkpoint="
CHOICES = ("trainer", "logger")
"""Groups of which another option may be chosen."""


def main(folder: Path, overrides: list[str]) -> None:
    """Continue the run in ``folder``; values given beside it replace those of its configuration.

    ``checkpoint=NAME`` goes on from another than last.ckpt, and forgets what came after it.
    """
    folder = folder.resolve()
    vouched = [override for override in overrides if override.startswith(TRUST)]
    packages = [name for override in vouched for name in override.removeprefix(TRUST).split(",")]
    config = run_folder.read_config(folder, packages)
    named = [override for override in overrides if override.startswith(CHECKPOINT)]
    checkpoint = run_folder.checkpoint(folder, named[-1].removeprefix(CHECKPOINT) if named else "last")
    config = with_overrides(config, [override for override in overrides if override not in vouched + named])
    resolved = composition.plain(bounded(config))
    checks.check_parts(resolved)
    checks.check_folders(resolved["data"])
    checks.check(resolved)

    fit(config, folder, checkpoint)


def is_choice(override: str) -> bool:
    """Return whether an override chooses another option of a group that may change."""
    return override.partition("=")[0] in CHOICES and composition.is_choice(override, [composition.conf_dir()])


def with_choices(config: DictConfig, choices: list[str]) -> DictConfig:
    """Return the configuration with other options of some groups in place of its own."""
    for choice in choices:
        group = choice.partition("=")[0]
        chosen = OmegaConf.to_container(composition.composed("train", [choice])[group])
        OmegaConf.update(config, group, chosen, merge=False)
    return config


def is_own(config: DictConfig, override: str) -> bool:
    """Return whether an override chooses an option of a group that the run has as it is."""
    return names_option(override) and not difference(config, override)


def names_option(override: str) -> bool:
    """Return whether an override chooses an option of one of the groups at the top."""
    group = override.partition("=")[0]
    return "/" not in group and composition.is_choice(override, [composition.conf_dir()])


def difference(config: DictConfig, override: str) -> str:
    """Return in words how the run differs from an option that an override chooses, or from its value."""
    key = override.partition("=")[0]
    if not names_option(override):
        return f" (it has {key}={OmegaConf.select(config, key)})"
    nodes = (config[key], composition.composed("train", [override])[key])
    own, others = (settings(OmegaConf.create({key: OmegaConf.to_container(node)})) for node in nodes)
    told = changes(own, others)
    return f" (its own differs, {told})" if told else ""


def with_overrides(config: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration with some values replaced.

    Raises UserError for a key that it does not have or a value of another kind.
    """
    wrong = [override for override in overrides if "=" not in override or override[0] in "-+~"]
    if wrong:
        raise UserError(f"{wrong[0]}: with resume= only values can be given, such as images=100000")
    chosen = [override for override in overrides if is_choice(override)]
    config = with_choices(config, chosen)
    unchanged = [override for override in overrides if override not in chosen and is_own(config, override)]
    overrides = [override for override in overrides if override not in chosen + unchanged]
    before: Any = OmegaConf.to_container(config)
    known = [key for key, _ in composition.flatten(before)]
    for override in overrides:
        key, _, value = override.partition("=")
        if key not in known:
            raise UserError(composition.unknown(key, "option", key, known))
        if not may_change(key):
            raise UserError(
                f"{override}: a resumed run goes on with its own {key.partition('.')[0]}; what can change is "
                f"{', '.join(CHANGEABLE)}; start a new run for another{difference(config, override)}"
            )
        try:
            OmegaConf.update(config, key, OmegaConf.create({"value": yaml.safe_load(value)})["value"])
        except (OmegaConfBaseException, yaml.YAMLError) as error:
            raise UserError(f"{override}: {composition.explain(error)}") from error
    after: Any = OmegaConf.to_container(config)
    given = [override.partition("=")[0] for override in overrides]
    composition.check_types(after, before, given)
    config[run_folder.GIVEN] = given
    return config
