"""MLflow logger with the same names and images as the other loggers."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.errors import UserError, one_line
from ganexp.loggers.guard import Guard
from ganexp.loggers.optional_package import import_service
from ganexp.loggers.run_id import read_run_id, write_run_id
from ganexp.loggers.service import ServiceLogger

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""Bounds on a server that does not answer; by default MLflow retries for minutes."""


class MLflow(ServiceLogger, MLFlowLogger):
    """Logs to MLflow, its steps being numbers of images seen.

    ``database`` is an address or a folder, such as sqlite:///mlflow.db or http://localhost:5000; None is
    MLFLOW_TRACKING_URI, else MLflow's default, which ``mlflow ui`` in the same folder shows. A resumed run continues
    the same MLflow run, whose id is in ``folder``/mlflow/id. A failure ends the logging, not the training.
    Raises UserError if the mlflow package is missing or the database cannot be opened.
    """

    def __init__(
        self,
        folder: str,
        project: str = "ganexp",
        database: str | None = None,
        name: str | None = None,
        group: str | None = None,
        notes: str | None = None,
    ) -> None:
        for variable, value in PATIENCE.items():
            os.environ.setdefault(variable, value)
        mlflow = import_service("mlflow", "mlflow")
        for noisy in ("mlflow.store", "alembic", "lightning.pytorch.loggers.mlflow"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self.folder = Path(folder)
        self.id_file = self.folder / "mlflow" / "id"
        tags = {"group": group, "mlflow.note.content": notes}
        try:
            super().__init__(
                experiment_name=project,
                run_name=name,
                tracking_uri=database or mlflow.get_tracking_uri(),
                tags={key: value for key, value in tags.items() if value is not None},
                run_id=read_run_id(self.id_file),
            )
        # The database may fail in any way.
        except Exception as error:
            raise UserError(f"logger.mlflow.database={database}: {one_line(error)}") from error
        self._guard = Guard("mlflow")

    @property
    def name(self) -> str:
        """Return the project's name, without asking the server."""
        return str(self._experiment_name)

    @property
    def version(self) -> str:
        """Return the id of the MLflow run, empty before the first value."""
        return self._run_id or ""

    @property
    def save_dir(self) -> str:
        """Return the run's folder."""
        return str(self.folder)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """Return MLflow's client, after the run was created or, if it was resumed, marked as running again."""
        is_first = not self._initialized
        client = super().experiment
        if is_first:
            client.update_run(self._run_id, status="RUNNING")
            write_run_id(self.id_file, str(self._run_id))
        return client

    def send_settings(self, settings: dict[str, Any]) -> None:
        """Log the configuration; settings that a resumed run changes are tags, since parameters cannot change."""
        named = dict(flat(settings))
        logged = self.experiment.get_run(self.run_id).data.params
        for key, value in named.items():
            if key in logged and logged[key] != value:
                self.experiment.set_tag(self.run_id, f"resumed.{key}", value)
        MLFlowLogger.log_hyperparams(self, {key: value for key, value in named.items() if key not in logged})

    def send_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Log a row at ``step`` images."""
        MLFlowLogger.log_metrics(self, metrics, step)

    def send_image(self, key: str, image: Image.Image, caption: str | None, step: int | None) -> None:
        """Log an image at ``step`` images seen; MLflow has no captions."""
        self.experiment.log_image(self.run_id, image, key=key, step=step)

    def send_alert(self, title: str, text: str) -> None:
        """Set a tag, since MLflow has no alerts."""
        self.experiment.set_tag(self.run_id, f"doctor.{title}", text)

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """End the MLflow run."""
        self._guard(lambda: super(MLflow, self).finalize(status))


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting by its dotted name, as text of at most 250 characters, MLflow's bound."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)[:250]
