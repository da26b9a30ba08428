"""Timings taken in turn, so that a drift of the machine's speed meets all that are compared, and a time budget."""

import time
from collections.abc import Callable, Mapping
from statistics import median


class Budget:
    """A number of seconds from now on."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.end = now() + seconds

    def left(self) -> float:
        """Return the seconds that are left, not below 0."""
        return max(0.0, self.end - self.now())


def block_sizes(seconds_a_cycle: Mapping[str, float], cycle: int, seconds: float) -> dict[str, int]:
    """Return the number of batches of each block that takes about ``seconds``: whole cycles of ``cycle`` batches."""
    return {name: cycle * max(1, round(seconds / one)) for name, one in seconds_a_cycle.items()}


def take_turns(
    run: Callable[[str, int], float | None], sizes: Mapping[str, int], rounds: int, budget: Budget
) -> dict[str, list[float]]:
    """Return the seconds a batch of each block, one block of each name per round, in an order that alternates.

    ``run`` returns the seconds of a block, None for a name that failed, which gets no further turn. No round begins
    that the budget would not let end, by the time of the longest round so far.
    """
    times: dict[str, list[float]] = {name: [] for name in sizes}
    names = list(sizes)
    longest = 0.0
    for _ in range(rounds):
        began = budget.left()
        if began <= longest:
            break
        for name in list(names):
            seconds = run(name, sizes[name])
            if seconds is None:
                names.remove(name)
            else:
                times[name].append(seconds / sizes[name])
        names.reverse()
        longest = max(longest, began - budget.left())
    return times


def middle(times: list[float]) -> float | None:
    """Return the median, None where there are no times."""
    return median(times) if times else None
