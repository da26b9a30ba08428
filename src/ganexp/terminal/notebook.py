"""Progress in a notebook: one line that is shown in place of its last one."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

Show = Callable[[str], None]


def notebook_line() -> Show | None:
    """Return a function that shows a text in place of the last one, None outside of a notebook's kernel."""
    # A kernel has imported it; nothing else needs it.
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    # IPython in a terminal has no kernel.
    if getattr(shell, "kernel", None) is None:
        return None
    display: Any = importlib.import_module("IPython.display")
    handle = display.display({"text/plain": ""}, raw=True, display_id=True)
    return lambda text: handle.update({"text/plain": text}, raw=True)
