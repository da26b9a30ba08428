"""Comet logger that goes offline instead of failing, with the same names and images as the other loggers."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CometLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image
from torch import Tensor

from ganexp.errors import one_line
from ganexp.loggers.guard import Guard
from ganexp.loggers.optional_package import import_service
from ganexp.loggers.run_id import read_run_id, write_run_id
from ganexp.loggers.service import ServiceLogger

log = logging.getLogger(__name__)


class Comet(ServiceLogger, CometLogger):
    """Logs to Comet, its steps being numbers of images seen; what is offline goes to ``folder``/comet.

    ``mode`` is "online", "offline" or "disabled". Without a key, or if the server cannot be reached, it goes offline
    with one line; a later failure ends the logging, not the training. A resumed run continues the same experiment,
    whose key is in ``folder``/comet/id. Raises UserError if the comet_ml package is missing.
    """

    def __init__(
        self,
        folder: str,
        project: str = "ganexp",
        mode: str = "online",
        workspace: str | None = None,
        name: str | None = None,
        tags: list[str] | None = None,
        group: str | None = None,
    ) -> None:
        self.comet_ml = import_service("comet_ml", "comet")
        logging.getLogger("comet_ml").setLevel(logging.ERROR)
        self.folder = Path(folder)
        self.mode = mode
        self.id_file = self.folder / "comet" / "id"
        self._group = group
        self._guard = Guard("comet")
        # Lightning would start an experiment here already, and disables an offline one.
        self._may_start = False
        super().__init__(
            workspace=workspace,
            project=project,
            experiment_key=read_run_id(self.id_file),
            name=name,
            tags=[*(tags or []), *([group] if group else [])],
            offline_directory=str(self.folder / "comet"),
            log_code=False,
            log_git_patch=False,
            auto_output_logging=False,
            display_summary_level=0,
            disabled=mode == "disabled",
        )
        self._may_start = True

    @property
    def name(self) -> str:
        """Return the project's name."""
        return str(self._project_name)

    @property
    def version(self) -> str:
        """Return the experiment's key, empty before the first value."""
        return self._experiment_key or ""

    def _create_experiment(self) -> None:
        if not self._may_start:
            return
        (self.folder / "comet").mkdir(parents=True, exist_ok=True)
        reason = None if self.mode != "online" else self._start(online=True)
        if reason is not None:
            log.warning("comet: offline, as %s; upload later with: comet upload %s/comet/*.zip", reason, self.folder)
        if self._experiment is None:
            self._start(online=False)
        assert self._experiment is not None
        self._experiment_key = str(self._experiment.get_key())
        write_run_id(self.id_file, self._experiment_key)
        self._experiment.log_other("group", self._group)

    def _start(self, online: bool) -> str | None:
        """Start the experiment, and return why it could not be started online, None if it was."""
        key = self.comet_ml.config.get_api_key(None, self.comet_ml.config.get_config())
        if online and key is None:
            return "no API key is set (comet login, or COMET_API_KEY)"
        try:
            self._experiment = self.comet_ml.start(
                workspace=self._workspace,
                project=self._project_name,
                experiment_key=self._experiment_key,
                mode="get_or_create",
                online=online,
                experiment_config=self._comet_config,
            )
        # The server may fail in any way.
        except Exception as error:
            if not online:
                raise
            return one_line(error)
        return None

    def send_settings(self, settings: dict[str, Any]) -> None:
        """Log the configuration."""
        CometLogger.log_hyperparams(self, settings)

    def send_metrics(self, metrics: Mapping[str, Tensor | float], step: int | None) -> None:
        """Log a row at ``step`` images."""
        CometLogger.log_metrics(self, dict(metrics), step)

    def send_image(self, key: str, image: Image.Image, caption: str | None, step: int | None) -> None:
        """Log an image at ``step`` images seen, with its caption."""
        self.experiment.log_image(image, name=key, step=step, metadata={"caption": caption} if caption else None)

    def send_alert(self, title: str, text: str) -> None:
        """Log a text, since Comet's alerts are set up on its page."""
        self.experiment.log_text(f"{title}: {text}")

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the experiment, so that the next run of a sweep gets its own."""
        if self._experiment is not None:
            self._guard(self._experiment.end)
            self._experiment = None
