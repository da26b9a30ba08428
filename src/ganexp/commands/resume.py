"""``ganexp resume=DIR``: go on with a run as if it had never stopped."""

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp import checks, composition, run_folder
from ganexp.commands.trust import require_trusted
from ganexp.errors import UserError

TRUST = "trust="
CHANGEABLE = (
    "images",
    "trainer",
    "logger",
    "callbacks",
    "scoring",
    "doctor",
    "data_root",
    "data.root",
    "data.workers",
    "data.in_memory",
)
"""What may differ from when the run began; everything else is what it is a run of, or is in the checkpoint."""
CHOICES = ("trainer", "logger")
"""Groups of which another option may be chosen."""


def main(folder: Path, overrides: list[str]) -> None:
    """Continue the run in ``folder``; values given beside it replace those of its configuration."""
    folder = folder.resolve()
    config = run_folder.read_config(folder)
    checkpoint = run_folder.last_checkpoint(folder)
    trusted = [override for override in overrides if override.startswith(TRUST)]
    config = with_overrides(config, [override for override in overrides if override not in trusted])
    resolved = composition.plain(config)
    packages = ",".join(override.removeprefix(TRUST) for override in trusted).split(",")
    require_trusted(resolved, packages)
    checks.check_parts(resolved)
    checks.check(resolved)

    from ganexp.commands.resuming import resume

    resume(config, folder, checkpoint)


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


def with_overrides(config: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration with some values replaced.

    Raises UserError for a key that it does not have or a value of another kind.
    """
    wrong = [override for override in overrides if "=" not in override or override[0] in "-+~"]
    if wrong:
        raise UserError(f"{wrong[0]}: with resume= only values can be given, such as images=100000")
    chosen = [override for override in overrides if is_choice(override)]
    config = with_choices(config, chosen)
    overrides = [override for override in overrides if override not in chosen]
    before: Any = OmegaConf.to_container(config)
    known = [key for key, _ in composition.flatten(before)]
    for override in overrides:
        key, _, value = override.partition("=")
        if key not in known:
            raise UserError(composition.unknown(key, "option", key, known))
        if not any(key == part or key.startswith(f"{part}.") for part in CHANGEABLE):
            raise UserError(
                f"{override}: a resumed run goes on with its own {key.partition('.')[0]}; what can change is "
                f"{', '.join(CHANGEABLE)}; start a new run for another"
            )
        try:
            OmegaConf.update(config, key, OmegaConf.create({"value": yaml.safe_load(value)})["value"])
        except (OmegaConfBaseException, yaml.YAMLError) as error:
            raise UserError(f"{override}: {composition.explain(error)}") from error
    after: Any = OmegaConf.to_container(config)
    composition.check_types(after, before, [override.partition("=")[0] for override in overrides])
    return config
