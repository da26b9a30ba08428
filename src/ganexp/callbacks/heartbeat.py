"""Steps of training, counted for the process that watches the ranks."""

from typing import Any

import lightning as L

from ganexp.distributed.heartbeat import heartbeat


class CountSteps(L.Callback):
    """Counts the steps that every rank makes equally often.

    Batches of scoring are not: a rank may have one more than another.
    """

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        """Count the begin of a batch, whose data have been read."""
        heartbeat.beat()

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Count the end of a batch."""
        heartbeat.beat()

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Count that the samples to be scored are ready."""
        heartbeat.beat()
