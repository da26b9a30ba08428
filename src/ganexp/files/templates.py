"""Templates of pages that are written as one file."""

from pathlib import Path
from typing import Any

from ganexp.errors import UserError


def template(folder: Path, page: str) -> Any:
    """Return the jinja2 template of a page, which escapes every value and refuses missing ones.

    Raises UserError if jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise UserError(f"{page} needs jinja2: pip install 'ganexp[report]'") from error
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(page)
