"""Composition of a configuration from Python."""

from collections.abc import Sequence

from omegaconf import DictConfig

from ganexp.api.overrides import require_overrides
from ganexp.config import composition
from ganexp.runs.overrides import check_saved

OUTPUTS = "outputs"
"""The parent folder of runs, as a run's own folder is chosen when training starts."""


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """Return the configuration that ``train`` would train with, checked but with nothing built.

    Values can be read as attributes, ``config.model.latent``, and references between them follow changes. ``run_dir``
    is ``outputs`` unless it is given. Raises UserError for keys and options that do not exist, values of the wrong type
    and settings that contradict each other.
    """
    composition.register_resolvers()
    require_overrides(overrides)
    config = composition.compose("train", list(overrides))
    if not any(override.startswith("run_dir=") for override in overrides):
        config.run_dir = OUTPUTS
    check_saved(config)
    return config
