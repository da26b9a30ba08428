"""Version of the training data: recorded in summary.json, and compared when a run is resumed."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from ganexp.records import changes, summary
from ganexp.records.changes import Change
from ganexp.records.data_version import KEY, kind_of, recorded_version

log = logging.getLogger(__name__)


class RecordDataVersion(L.Callback):
    """Records the data module's ``data_version`` in ``folder``/summary.json, once a thread has computed it.

    A resumed run with other data than before says so in one line, and records it among the changes of settings.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pending: Future[str | None] | None = None
        self._started_at = 0

    @rank_zero_only
    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start the computation."""
        self._started_at = module.images_seen
        pool = ThreadPoolExecutor(1, "data version")
        self._pending = pool.submit(lambda: getattr(trainer.datamodule, "data_version", None))
        pool.shutdown(wait=False)

    @rank_zero_only
    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Record the version as soon as it is there."""
        if self._pending is not None and self._pending.done():
            self._record()

    @rank_zero_only
    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Wait for the version of a short run."""
        if self._pending is not None:
            self._record()

    def _record(self) -> None:
        assert self._pending is not None
        version, self._pending = self._pending.result(), None
        before = recorded_version(summary.read(self.folder))
        if version is None:
            return
        summary.update(self.folder, **{KEY: version})
        if self._started_at and before is not None and before != version and kind_of(before) == kind_of(version):
            log.warning(
                "data: not the images that the run was trained on until now: %s before, now %s", before, version
            )
            changes.record(self.folder, [Change(self._started_at, KEY, before, version)], self._started_at)
