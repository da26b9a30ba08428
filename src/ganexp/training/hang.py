"""Detection of ranks that hang, while the others wait for them."""

from collections.abc import Mapping

LONGEST_STEP_SECONDS = 1.0
"""What counts at most of the time between two looks, since the watching process may have been suspended itself."""


class HangDetector:
    """Finds the ranks that have made no progress for ``timeout`` seconds while others are ahead and wait.

    Where no rank is ahead, all may be doing the same long computation, such as scores. None as ``timeout``: no rank
    ever hangs.
    """

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self.steps: dict[int, int] = {}
        self.idle_seconds = 0.0
        self.last_look: float | None = None

    def hung(self, steps: Mapping[int, int], now: float) -> list[int]:
        """Return the ranks that hang, by the steps of each rank at the time ``now`` in seconds."""
        passed = 0.0 if self.last_look is None else min(now - self.last_look, LONGEST_STEP_SECONDS)
        self.last_look = now
        if steps != self.steps:
            self.steps, self.idle_seconds = dict(steps), 0.0
            return []
        self.idle_seconds += passed
        behind = [rank for rank, count in steps.items() if count == min(steps.values())]
        is_over = self.timeout is not None and self.idle_seconds > self.timeout
        return behind if is_over and len(behind) < len(steps) else []
