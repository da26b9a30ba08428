"""Packages of logging services that ganexp does not install by itself."""

import importlib
from typing import Any

from ganexp.errors import UserError


def import_service(package: str, logger: str) -> Any:
    """Import a package on first use; raises UserError with the way to install it if it is missing."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UserError(f"logger={logger} needs a package: pip install 'ganexp[{logger}]'") from error
