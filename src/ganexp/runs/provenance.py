"""Provenance of a run: the command that reproduces it, and the selected option of each config group."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.runs.run_folder import SWEEP_KEYS, SWEEP_PREFIXES

NAMED_BY = ("model", "data", "loss")
"""The config groups by whose options a run is named."""


def origin(flags: argparse.Namespace) -> dict[str, Any]:
    """Return the command that reproduces the composed run, and the selected option of each config group."""
    composed = HydraConfig.get()
    excluded = (*(f"{key}=" for key in SWEEP_KEYS), *SWEEP_PREFIXES)
    named = {"--config-dir": flags.config_dir, "--config-name": flags.config_name}
    options = [word for flag, value in named.items() if value for word in (flag, value)]
    overrides = [override for override in given_overrides() if not override.startswith(excluded)]
    choices = {
        group: choice if choice is None else str(choice)
        for group, choice in composed.runtime.choices.items()
        if not group.startswith("hydra/")
    }
    return {"command": shlex.join(["python", "-m", "ganexp", *options, *overrides]), "choices": choices}


def given_overrides() -> list[str]:
    """Return the overrides as given: a reference in one of them is not for Hydra's own configuration to resolve."""
    return OmegaConf.to_container(HydraConfig.get().overrides.task)  # type: ignore[return-value]


def name_in_loggers(loggers: Mapping[str, Any], seed: int) -> None:
    """Name a run ``<model>-<data>-<loss>-s<seed>``, in the group of its seeds, in each logger with an unset name.

    A logger without the key ``name`` has names of its own. A sweep's group, if any, must be set before. A run that is
    composed from another's config.yaml, without options, has no name of this kind.
    """
    choices = HydraConfig.get().runtime.choices
    name_by_choices(loggers, seed, [choices.get(group) for group in NAMED_BY])


def name_by_choices(loggers: Mapping[str, Any], seed: int, named: Sequence[Any]) -> None:
    """Name a run as ``name_in_loggers`` does, by its options of the groups `NAMED_BY`, None for a missing one."""
    if None in named:
        return
    group = "-".join(map(str, named))
    for logger in loggers.values():
        if "name" not in (logger or {}):
            continue
        for name, value in (("name", f"{group}-s{seed}"), ("group", group)):
            if name in logger and logger[name] is None:
                logger[name] = value


def group_by_sweep(config: DictConfig) -> None:
    """Group the runs of a sweep by its folder, in each logger that can group runs and has no group set."""
    composed = HydraConfig.get()
    if composed.mode != RunMode.MULTIRUN:
        return
    for logger in config.logger.values():
        for name, value in (("group", composed.sweep.dir), ("job_type", "multirun")):
            if name in (logger or {}) and logger[name] is None:
                logger[name] = value
