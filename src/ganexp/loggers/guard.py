"""A service beside the training, whose failures are never the training's."""

import logging
from collections.abc import Callable
from typing import Any

from ganexp.errors import one_line

log = logging.getLogger(__name__)


class Guard:
    """Does what a service of that name is asked for; after its first failure, told in one line, nothing more."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.broken = False

    def __call__(self, action: Callable[[], Any]) -> None:
        """Act, unless the service has failed before."""
        if self.broken:
            return
        try:
            action()
        # A service beside the training may fail in any way.
        except Exception as error:
            self.broken = True
            log.warning("%s: it failed and logs no more, training goes on: %s", self.service, one_line(error))
