"""Settings of a run, saved in its checkpoints."""

from collections.abc import Mapping
from typing import Any

import lightning as L


class Settings(L.Callback):
    """Saves settings by dotted key in every checkpoint, so that later changes to config.yaml are detected."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def state_dict(self) -> dict[str, Any]:
        """Return the settings."""
        return {"settings": self.settings}


def settings_in(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the settings that a checkpoint was saved with, None if it has none."""
    settings: dict[str, Any] | None = checkpoint.get("callbacks", {}).get(Settings.__qualname__, {}).get("settings")
    return settings
