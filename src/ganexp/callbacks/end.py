"""Reasons why training ends, given by the callback that ends it."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason

LIGHTNINGS_END = " Signaling Trainer to stop."
"""The last sentence of its reasons, which says nothing more."""


@dataclass(frozen=True)
class End:
    """The reason why training ended, and the overrides with which it can continue; none if it can as it is.

    ``is_finished`` says whether the run has had all the training that its settings ask for.
    """

    reason: str
    overrides: tuple[str, ...] = ()
    is_finished: bool = False


@runtime_checkable
class EndsTraining(Protocol):
    """A callback that may end training."""

    def end(self) -> End | None:
        """Return why it ended training, None if it did not."""


def end_of_training(trainer: Any) -> End:
    """Return why training ended, after the last batch."""
    ends = (callback.end() for callback in trainer.callbacks if isinstance(callback, EndsTraining))
    first = next((end for end in ends if end is not None), None)
    return first or end_by_lightning(trainer)


def end_by_lightning(trainer: Any) -> End:
    """Return why Lightning or a callback that gives no reason ended training."""
    if trainer.fast_dev_run:
        return End("trainer.fast_dev_run is a trial of a few batches", ("trainer.fast_dev_run=false",))
    epochs = trainer.max_epochs
    if epochs is not None and 0 <= epochs <= trainer.fit_loop.epoch_progress.current.completed:
        return End(f"trainer.max_epochs={epochs} reached", (f"trainer.max_epochs={2 * epochs}",), is_finished=True)
    for callback in trainer.callbacks:
        if isinstance(callback, EarlyStopping) and callback.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            reason = callback.stopping_reason_message or callback.monitor
            return End(f"early stopping: {reason.removesuffix(LIGHTNINGS_END).rstrip('.')}")
    return End("a callback ended training")
