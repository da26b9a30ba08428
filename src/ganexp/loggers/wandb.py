"""Weights & Biases logger that never blocks training."""

import logging
import netrc
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import wandb
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.errors import one_line
from ganexp.loggers.guard import Guard
from ganexp.loggers.run_id import read_run_id, write_run_id
from ganexp.loggers.service import ServiceLogger

log = logging.getLogger(__name__)
# W&B's own telemetry repeats failures of the server that are logged here in one line.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

DEFAULT_SERVER = "https://api.wandb.ai"
CONNECT_SECONDS = 3.0
INIT_SECONDS = 30.0


class WandB(ServiceLogger, WandbLogger):
    """Logs to W&B with the number of images seen as x-axis; the files go to ``folder``/wandb.

    Without a key or a network, or if the server refuses, it goes offline with one line instead of failing or waiting,
    and a later failure ends the logging, not the training. At the end it waits at most ``finish_timeout`` seconds for
    uploads. A resumed run continues the same W&B run, whose id is in ``folder``/wandb/id. ``log_model`` uploads the
    best checkpoint, or else the last, with its configuration, as an artifact.
    """

    def __init__(
        self,
        folder: str,
        project: str = "ganexp",
        mode: str = "online",
        log_model: bool = False,
        finish_timeout: float = 120.0,
        entity: str | None = None,
        name: str | None = None,
        tags: list[str] | None = None,
        notes: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        id: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        reason = reason_to_go_offline() if mode == "online" else None
        if reason is not None:
            mode = "offline"
            self._warn_offline(reason)
        settings = wandb.Settings(
            quiet=True,
            console="off",
            silent=True,
            init_timeout=INIT_SECONDS,
            finish_timeout=finish_timeout,
            finish_timeout_raises=True,
        )
        self.id_file = self.folder / "wandb" / "id"
        super().__init__(
            save_dir=folder,
            project=project,
            mode=mode,
            settings=settings,
            entity=entity,
            name=name,
            tags=tags,
            notes=notes,
            group=group,
            job_type=job_type,
            id=read_run_id(self.id_file) if id is None else id,
        )
        # W&B warns about this setting whatever its value.
        self._wandb_init.pop("anonymous", None)
        self.upload_model = log_model
        self._guard = Guard("wandb")

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """Return the W&B run, whose x-axis is ``images``."""
        if self._experiment is None:
            # Otherwise it prints where it found the key.
            wandb.setup(wandb.Settings(silent=True))
            try:
                self._experiment = wandb.init(**self._wandb_init)
            except wandb.Error as error:
                if self._wandb_init["mode"] == "offline":
                    raise
                self._warn_offline(f"the server refused: {one_line(error)}")
                self._experiment = wandb.init(**{**self._wandb_init, "mode": "offline"})
            write_run_id(self.id_file, self._experiment.id)
            self._experiment.define_metric("images")
            self._experiment.define_metric("*", step_metric="images")
        return self._experiment

    def send_settings(self, settings: dict[str, Any]) -> None:
        """Log the configuration."""
        self.experiment.config.update(settings, allow_val_change=True)

    def send_metrics(self, metrics: Mapping[str, Any], step: int | None) -> None:
        """Log a row at ``step`` images."""
        self.experiment.log({"images": step, **metrics})

    def send_image(self, key: str, image: Image.Image, caption: str | None, step: int | None) -> None:
        """Log an image at ``step`` images seen, with its caption."""
        self.experiment.log({"images": step, key: [wandb.Image(image, caption=caption)]})

    def send_alert(self, title: str, text: str) -> None:
        """Send an alert."""
        self.experiment.alert(title=title, text=text)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the W&B run, so that the next run of a sweep gets its own."""
        run = self._experiment
        if run is None:
            return
        if self.upload_model:
            self._guard(lambda: self.log_best_model(run))
        try:
            run.finish(exit_code=0 if status == "success" else 1)
        except TimeoutError:
            log.warning("wandb: the upload is incomplete; upload the rest with: wandb sync %s/wandb/run-*", self.folder)
        except Exception as error:
            # An earlier failure was already reported.
            if not self._guard.broken:
                log.warning("wandb: the end of the run was not logged: %s", one_line(error))

    def log_best_model(self, run: Any) -> None:
        """Upload the best checkpoint, else the last, with its configuration and scores."""
        checkpoints = [
            path for name in ("best", "last") if (path := self.folder / "checkpoints" / f"{name}.ckpt").is_file()
        ]
        if not checkpoints:
            return
        artifact = wandb.Artifact(f"model-{run.id}", type="model")
        for path in (checkpoints[0], self.folder / "config.yaml", self.folder / "scores.json"):
            if path.is_file():
                artifact.add_file(str(path))
        run.log_artifact(artifact, aliases=["latest", checkpoints[0].stem])

    def _warn_offline(self, reason: str) -> None:
        log.warning("wandb: offline, as %s; upload later with: wandb sync %s/wandb/offline-*", reason, self.folder)


def reason_to_go_offline() -> str | None:
    """Return why W&B cannot be used online, None if it can."""
    if os.environ.get("WANDB_MODE") in ("offline", "disabled", "dryrun"):
        return f"WANDB_MODE={os.environ['WANDB_MODE']} is set"
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
