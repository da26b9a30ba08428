"""trackio logger: a local database without an account, shown live by ``ganexp board``."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.loggers.guard import Guard
from ganexp.loggers.service import ServiceLogger
from ganexp.records.trackio_store import import_trackio


class Trackio(ServiceLogger):
    """Logs to trackio's ``database`` (a folder; None: ``board`` in the cache), with the images seen as x-axis.

    The run is named after its ``folder``, and a resumed run continues it. A failure ends the logging, not the training.
    Raises UserError if the trackio package is missing.
    """

    def __init__(
        self, folder: str, project: str = "ganexp", database: str | None = None, group: str | None = None
    ) -> None:
        super().__init__()
        self.folder = Path(folder).resolve()
        self.project = project
        self.group = group
        self.trackio = import_trackio(database)
        # If the folder has no checkpoint, earlier runs were removed.
        self.resume = "allow" if any(self.folder.glob("checkpoints/*.ckpt")) else "never"
        self.config: dict[str, Any] = {}
        self._experiment: Any = None
        self._guard = Guard("trackio")

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.project

    @property
    def version(self) -> str:
        """Return the run's name: its folder, last part first, as the page truncates long names."""
        return f"{self.folder.name} in {self.folder.parent.as_posix()}"

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """Return the trackio run."""
        if self._experiment is None:
            with redirect_stdout(io.StringIO()):
                self._experiment = self.trackio.init(
                    project=self.project,
                    name=self.version,
                    group=self.group,
                    config=self.config,
                    resume=self.resume,
                    embed=False,
                )
        return self._experiment

    def send_settings(self, settings: dict[str, Any]) -> None:
        """Store the configuration, which is sent with the first metrics."""
        self.config = settings

    def send_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Log a row at ``step`` images."""
        self.experiment.log({"images": step, **metrics}, step=step)

    def send_image(self, key: str, image: Image.Image, caption: str | None, step: int | None) -> None:
        """Log an image at ``step`` images seen, with its caption."""
        self.experiment.log({"images": step, key: self.trackio.Image(image, caption=caption)}, step=step)

    def send_alert(self, title: str, text: str) -> None:
        """Send an alert."""
        with redirect_stdout(io.StringIO()):
            self.experiment.alert(title=title, text=text)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Flush pending data and end the run, so that the next run of a sweep gets its own."""
        if self._experiment is not None:
            with redirect_stdout(io.StringIO()):
                self._guard(self.trackio.finish)
