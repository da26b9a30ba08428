"""``ganexp [train]``: compose the configuration, check it, train."""

import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ganexp import checks, composition
from ganexp.errors import Interrupted, UserError

RESUME = "resume="


def main(arguments: list[str]) -> None:
    """Train as the arguments say, or go on with the run that ``resume=`` names."""
    composition.register_resolvers()
    resumed = [argument for argument in arguments if argument.startswith(RESUME)]
    if resumed:
        from ganexp.commands import resume

        rest = [argument for argument in arguments if argument not in resumed]
        resume.main(Path(resumed[-1].removeprefix(RESUME)), rest)
    else:
        compose_and_train(arguments)


def compose_and_train(arguments: list[str]) -> None:
    """Let Hydra compose the configuration, several with -m, and train with each.

    A run of several that is refused does not end the others. Raises UserError or Interrupted at the end.
    """
    failures: list[Exception] = []

    def train_composed(config: DictConfig) -> None:
        if any(isinstance(failure, Interrupted) for failure in failures):
            return
        folder = Path(HydraConfig.get().runtime.output_dir)
        try:
            check_composed(config)
            train(config, folder)
        except (UserError, Interrupted) as failure:
            remove_if_empty(folder)
            failures.append(failure)

    # Otherwise Hydra prints its own report of several lines and exits.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["ganexp", *arguments]
    entry = hydra.main(version_base="1.3", config_path=str(composition.conf_dir()), config_name="train")
    try:
        entry(train_composed)()
    except composition.COMPOSITION_ERRORS as error:
        raise UserError(composition.explain(error, arguments)) from error
    if failures:
        raise failures[-1] if len(failures) == 1 else UserError(" | ".join(str(failure) for failure in failures))


def check_composed(config: DictConfig) -> None:
    """Raise UserError for wrong kinds of values and for settings that contradict each other."""
    overrides = [override for override in HydraConfig.get().overrides.task if "=" in override]
    choices = [override for override in overrides if composition.is_choice(override)]
    keys = [override.lstrip("+").partition("=")[0] for override in overrides if override not in choices]
    if keys:
        composition.check_types(OmegaConf.to_container(config), defaults_for(choices), keys)  # type: ignore[arg-type]
    checks.check(composition.plain(config))


def defaults_for(choices: list[str]) -> dict[str, Any]:
    """Return what the configuration would be without the user's values, only with the choice of options."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("train", choices, RunMode.RUN)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return OmegaConf.to_container(config)  # type: ignore[return-value]


def train(config: DictConfig, folder: Path) -> None:
    """Train in a new folder."""
    from ganexp import run_folder
    from ganexp.commands.training import fit

    config.run_dir = str(folder)
    run_folder.create(folder, config)
    fit(config, folder)


def remove_if_empty(folder: Path) -> None:
    """Leave no empty folder behind a refused run."""
    try:
        folder.rmdir()
    except OSError:
        return
