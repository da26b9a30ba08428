"""How a run was started, so that it can be repeated and compared."""

import argparse
import shlex
from typing import Any

from hydra.core.hydra_config import HydraConfig

OWN_FOLDER = "run_dir="


def origin(flags: argparse.Namespace) -> dict[str, Any]:
    """Return the command that repeats the run that Hydra composed, and the chosen option of each config group."""
    composed = HydraConfig.get()
    named = {"--config-dir": flags.config_dir, "--config-name": flags.config_name}
    options = [word for flag, value in named.items() if value for word in (flag, value)]
    overrides = [override for override in composed.overrides.task if not override.startswith(OWN_FOLDER)]
    choices = {
        group: choice if choice is None else str(choice)
        for group, choice in composed.runtime.choices.items()
        if not group.startswith("hydra/")
    }
    return {"command": shlex.join(["python", "-m", "ganexp", *options, *overrides]), "choices": choices}
