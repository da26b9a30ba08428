"""Optional packages that publishing needs."""

import importlib
from typing import Any

from ganexp.errors import UserError

EXTRA = "hub"


def installed(module: str) -> Any:
    """Return a module of the extra ``hub``; raises UserError if its package is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise UserError(f"the package {package} is not installed: pip install 'ganexp[{EXTRA}]'") from error
