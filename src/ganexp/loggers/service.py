"""Base of the loggers of external services: what each is sent, on rank zero only and guarded from its failures."""

from abc import abstractmethod
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.loggers.guard import Guard


class ServiceLogger(Logger):
    """Sends values to a service, with numbers of images seen as steps; a failure ends the logging, not the training.

    A subclass has a ``_guard``, and sends one value of each kind.
    """

    _guard: Guard

    @abstractmethod
    def send_settings(self, settings: dict[str, Any]) -> None:
        """Send the configuration."""

    @abstractmethod
    def send_metrics(self, metrics: Mapping[str, Any], step: int | None) -> None:
        """Send a row at ``step`` images."""

    @abstractmethod
    def send_image(self, key: str, image: Image.Image, caption: str | None, step: int | None) -> None:
        """Send an image at ``step`` images seen."""

    @abstractmethod
    def send_alert(self, title: str, text: str) -> None:
        """Send a warning to whoever watches the run."""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: object, **__: object) -> None:
        """Log the configuration."""
        settings = dict(params) if isinstance(params, Mapping) else vars(params)
        self._guard(lambda: self.send_settings(settings))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log a row at ``step`` images."""
        self._guard(lambda: self.send_metrics(metrics, step))

    @rank_zero_only
    def log_image(
        self,
        key: str,
        images: list[Image.Image],
        step: int | None = None,
        caption: list[str | None] | None = None,
        **_: object,
    ) -> None:
        """Log the first image at ``step`` images seen, with its caption."""
        self._guard(lambda: self.send_image(key, images[0], caption[0] if caption else None, step))

    @rank_zero_only
    def alert(self, title: str, text: str) -> None:
        """Log a warning."""
        self._guard(lambda: self.send_alert(title, text))
