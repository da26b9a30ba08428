"""What a run is a run of, in its checkpoints."""

from collections.abc import Mapping
from typing import Any

import lightning as L


class Settings(L.Callback):
    """Keeps settings by their dotted keys in every checkpoint, so that a change of config.yaml is noticed."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def state_dict(self) -> dict[str, Any]:
        """Return them."""
        return {"settings": self.settings}


def settings_in(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the settings that a checkpoint was saved with, None if it does not say."""
    kept: dict[str, Any] | None = checkpoint.get("callbacks", {}).get(Settings.__qualname__, {}).get("settings")
    return kept
