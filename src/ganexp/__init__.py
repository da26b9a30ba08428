"""GAN experiments in one command, and trained models in Python: ``load``, ``train`` and ``compose``."""

import importlib
from typing import Any

__version__ = "0.1.0"

# Imported on first use, as training and sampling need seconds to import what they are built on.
_MODULES = {
    "TrainedModel": "ganexp.api.trained_model",
    "compose": "ganexp.api.compose",
    "load": "ganexp.api.load",
    "train": "ganexp.api.train",
}

__all__ = ["TrainedModel", "__version__", "compose", "load", "train"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'ganexp' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
