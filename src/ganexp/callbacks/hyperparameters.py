"""Hyperparameters of the optimizers, which a resumed run has from its configuration."""

from typing import Any

import lightning as L

OF_IMPLEMENTATION = ("params", "capturable", "foreach", "fused", "differentiable")
"""The entries of a group of parameters that do not define the step."""


class ConfiguredHyperparameters(L.Callback):
    """Gives the optimizers the hyperparameters of the configuration in place of the checkpoint's.

    They differ if the settings were changed between two beginnings of the run.
    """

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Set learning rate, betas, weight decay and so on; a schedule's factor follows in each turn."""
        for optimizer, configured in zip(trainer.optimizers, module.configure_optimizers(), strict=True):
            for group, settings in zip(optimizer.param_groups, configured.param_groups, strict=True):
                group.update({key: value for key, value in settings.items() if key not in OF_IMPLEMENTATION})
                group["initial_lr"] = settings["lr"]
