"""Weights & Biases, which never keeps a training waiting."""

import logging
import netrc
import os
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import wandb
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

log = logging.getLogger(__name__)

DEFAULT_SERVER = "https://api.wandb.ai"
CONNECT_SECONDS = 3.0


class WandB(WandbLogger):
    """Logs to W&B with the number of images seen as x-axis; the files go to ``folder``/wandb.

    Without a key or a network it goes offline with one line, instead of failing or waiting.
    """

    def __init__(self, folder: str, project: str = "ganexp", mode: str = "online", **options: Any) -> None:
        reason = reason_to_go_offline() if mode == "online" else None
        if reason is not None:
            mode = "offline"
            log.warning("wandb: offline, as %s; upload later with: wandb sync %s/wandb/offline-*", reason, folder)
        settings = wandb.Settings(quiet=True, console="off", silent=True)
        super().__init__(save_dir=folder, project=project, mode=mode, settings=settings, **options)

    @property
    def experiment(self) -> Any:
        """Return the W&B run, whose x-axis is ``images``."""
        first = self._experiment is None
        run = super().experiment
        if first and hasattr(run, "define_metric"):
            run.define_metric("images")
            run.define_metric("*", step_metric="images")
        return run

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log a row at ``step`` images."""
        self.experiment.log({"images": step, **metrics})

    @rank_zero_only
    def log_image(self, key: str, images: list[Image.Image], step: int | None = None, **_: Any) -> None:
        """Log pictures at ``step`` images."""
        self.experiment.log({"images": step, key: [wandb.Image(picture) for picture in images]})


def reason_to_go_offline() -> str | None:
    """Return why W&B cannot be used online, or None where it can."""
    if os.environ.get("WANDB_MODE") in ("offline", "disabled", "dryrun"):
        return f"WANDB_MODE={os.environ['WANDB_MODE']} says so"
    server = urlsplit(os.environ.get("WANDB_BASE_URL", DEFAULT_SERVER))
    host = server.hostname or ""
    if not has_key(host):
        return "no API key is set (wandb login, or WANDB_API_KEY)"
    try:
        port = server.port or (80 if server.scheme == "http" else 443)
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError:
        return f"{host} cannot be reached"
    return None


def has_key(host: str) -> bool:
    """Return whether the environment or the user's netrc file has a key for the server."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
