"""Time limit of training, counted anew whenever a run is resumed."""

from typing import Any

from lightning.pytorch.callbacks import Timer

from ganexp.callbacks.end import End


class TimeLimit(Timer):
    """Ends training when ``max_time`` is over: DD:HH:MM:SS, or a dict of such values as ``hours``.

    Lightning's own timer saves the time in checkpoints, so a run that it has ended could never continue. Raises
    MisconfigurationException for a malformed duration.
    """

    def __init__(self, max_time: str | dict[str, int]) -> None:
        super().__init__(max_time)
        self.max_time = max_time
        self.is_over = False

    @property
    def state_key(self) -> str:
        """The key of Lightning's timer in checkpoints of earlier runs, whose time does not count."""
        return Timer.__qualname__

    def state_dict(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Ignore the time that an earlier part of the run took."""

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """End training when the time is over."""
        is_ending = trainer.should_stop
        super().on_train_batch_end(trainer)
        self.is_over = trainer.should_stop and not is_ending

    def end(self) -> End | None:
        """Return the time limit if it ended training."""
        return End(f"trainer.max_time={self.max_time} is over") if self.is_over else None
