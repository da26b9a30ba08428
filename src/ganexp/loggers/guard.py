"""Isolation of training from failures of an external logging service."""

import logging
from collections.abc import Callable
from typing import Any

from ganexp.errors import one_line

log = logging.getLogger(__name__)


class Guard:
    """Runs actions on a service until one fails: the failure is logged in one line, later actions are skipped."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.broken = False

    def __call__(self, action: Callable[[], Any]) -> None:
        """Run an action, unless an earlier one failed."""
        if self.broken:
            return
        try:
            action()
        # A service may fail in any way.
        except Exception as error:
            self.broken = True
            log.warning("%s: logging failed and stops here, training continues: %s", self.service, one_line(error))
