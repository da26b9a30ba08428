"""Weights & Biases, which never keeps a training waiting."""

import logging
import netrc
import os
import socket
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import wandb
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.errors import one_line

log = logging.getLogger(__name__)

DEFAULT_SERVER = "https://api.wandb.ai"
CONNECT_SECONDS = 3.0
INIT_SECONDS = 30.0


class WandB(WandbLogger):
    """Logs to W&B with the number of images seen as x-axis; the files go to ``folder``/wandb.

    Without a key or a network it goes offline with one line, instead of failing or waiting, and whatever fails
    later ends its logging, not the training. A resumed run is the same run at W&B: ``folder``/wandb/id keeps its id.
    """

    def __init__(self, folder: str, project: str = "ganexp", mode: str = "online", **options: Any) -> None:
        reason = reason_to_go_offline() if mode == "online" else None
        if reason is not None:
            mode = "offline"
            log.warning("wandb: offline, as %s; upload later with: wandb sync %s/wandb/offline-*", reason, folder)
        settings = wandb.Settings(quiet=True, console="off", silent=True, init_timeout=INIT_SECONDS)
        self.kept_id = Path(folder) / "wandb" / "id"
        if self.kept_id.is_file():
            options.setdefault("id", self.kept_id.read_text().strip())
        super().__init__(save_dir=folder, project=project, mode=mode, settings=settings, **options)
        self.broken = False

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """Return the W&B run, whose x-axis is ``images``."""
        if self._experiment is None:
            try:
                self._experiment = wandb.init(**self._wandb_init)
            except wandb.Error as error:
                if self._wandb_init["mode"] == "offline":
                    raise
                log.warning("wandb: offline, as the server refused: %s", one_line(error))
                self._experiment = wandb.init(**{**self._wandb_init, "mode": "offline"})
            self.kept_id.parent.mkdir(exist_ok=True)
            self.kept_id.write_text(f"{self._experiment.id}\n")
            self._experiment.define_metric("images")
            self._experiment.define_metric("*", step_metric="images")
        return self._experiment

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Log the configuration."""
        self._guard(lambda: self.experiment.config.update(params, allow_val_change=True))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log a row at ``step`` images."""
        self._guard(lambda: self.experiment.log({"images": step, **metrics}))

    @rank_zero_only
    def log_image(self, key: str, images: list[Image.Image], step: int | None = None, **_: Any) -> None:
        """Log pictures at ``step`` images."""
        self._guard(lambda: self.experiment.log({"images": step, key: [wandb.Image(picture) for picture in images]}))

    @rank_zero_only
    def alert(self, title: str, text: str) -> None:
        """Send an alert."""
        self._guard(lambda: self.experiment.alert(title=title, text=text))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the W&B run, so that the next of a sweep has its own."""
        run = self._experiment
        if run is not None:
            self._guard(lambda: run.finish(exit_code=0 if status == "success" else 1))

    def _guard(self, action: Callable[[], Any]) -> None:
        if self.broken:
            return
        try:
            action()
        # A service beside the training may fail in any way.
        except Exception as error:
            self.broken = True
            log.warning("wandb: it failed and logs no more, training goes on: %s", one_line(error))


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
