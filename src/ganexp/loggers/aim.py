"""Aim logger: a local database without an account, with the same names and images as the other loggers."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.loggers.guard import Guard
from ganexp.loggers.optional_package import import_service
from ganexp.loggers.run_id import read_run_id, write_run_id
from ganexp.loggers.service import ServiceLogger


class Aim(ServiceLogger):
    """Logs to Aim's ``database``, its steps being numbers of images seen.

    ``database`` is a folder or a server's address (aim://HOST:PORT); None is the current folder, where ``aim up`` shows
    it. A resumed run continues the same Aim run, whose hash is in ``folder``/aim/id. A failure ends the logging, not
    the training. Raises UserError if the aim package is missing, which alone has Aim's logger for Lightning.
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
        super().__init__()
        self.aim = import_service("aim", "aim")
        # It warns of a lock whenever a run is continued.
        logging.getLogger("aim.sdk.lock_manager").setLevel(logging.ERROR)
        self.id_file = Path(folder) / "aim" / "id"
        self.project = project
        self.database = database
        self.run_name = name
        self.group = group
        self.notes = notes
        self._run: Any = None
        self._guard = Guard("aim")

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.project

    @property
    def version(self) -> str:
        """Return the hash of the Aim run, empty before the first value."""
        return "" if self._run is None else str(self._run.hash)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """Return the Aim run."""
        if self._run is None:
            run_hash = read_run_id(self.id_file)
            self._run = self.aim.Run(
                run_hash=run_hash,
                repo=self.database,
                experiment=self.project,
                force_resume=run_hash is not None,
                capture_terminal_logs=False,
            )
            write_run_id(self.id_file, self._run.hash)
            if self.run_name is not None:
                self._run.name = self.run_name
            if self.notes is not None:
                self._run.description = self.notes
            self._run["group"] = self.group
        return self._run

    def send_settings(self, settings: dict[str, Any]) -> None:
        """Log the configuration."""
        self.experiment.set("hparams", settings, strict=False)

    def send_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Log a row at ``step`` images."""
        for name, value in metrics.items():
            self.experiment.track(value, name=name, step=step)

    def send_image(self, key: str, image: Image.Image, caption: str | None, step: int | None) -> None:
        """Log an image at ``step`` images seen, with its caption."""
        self.experiment.track(self.aim.Image(image, caption=caption or ""), name=key, step=step)

    def send_alert(self, title: str, text: str) -> None:
        """Log a warning on the run's page."""
        self.experiment.log_warning(f"{title}: {text}")

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the Aim run, so that the next run of a sweep gets its own."""
        if self._run is not None:
            self._guard(self._run.close)
            self._run = None
