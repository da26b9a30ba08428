"""Loss terms of the players, and their history since the last reading."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ganexp.distributed import collectives
from ganexp.errors import Diverged

Terms = dict[str, Tensor]
"""Scalars by name; a player minimizes their sum."""


class Series(NamedTuple):
    """The values (turns,) of one term of a player's loss, in float64 on the CPU."""

    player: str
    term: str
    values: Tensor


class LossHistory:
    """The terms of every turn since they were last read, by player.

    They stay on the device until they are read. Every method that reads them first averages them over the ranks, so all
    ranks must call it together.
    """

    def __init__(self) -> None:
        self.turns: dict[str, list[Terms]] = {}

    def __bool__(self) -> bool:
        """Return whether there is anything to read."""
        return bool(self.turns)

    def add(self, player: str, terms: Terms) -> None:
        """Append the terms of a player's turn, detached."""
        self.turns.setdefault(player, []).append({name: term.detach() for name, term in terms.items()})

    def clear(self) -> None:
        """Forget all turns."""
        self.turns = {}

    def means(self, device: torch.device, images_seen: int) -> dict[str, float]:
        """Return the mean of every term as ``player/term``, and forget the turns; raises Diverged as ``series``."""
        means = {f"{player}/{term}": values.mean().item() for player, term, values in self.series(device, images_seen)}
        self.clear()
        return means

    def series(self, device: torch.device, images_seen: int) -> Iterator[Series]:
        """Yield the values of every term of every player.

        Raises Diverged, which names player, term and turn, if a value is not finite: such a run cannot recover.
        """
        self._average_over_ranks(device)
        for series in self._series():
            require_finite(series, images_seen)
            yield series

    def require_finite_on_this_rank(self, images_seen: int) -> None:
        """Raise Diverged as ``series``, by the values of this rank alone, since the others may have ended."""
        for series in self._series():
            require_finite(series, images_seen)

    def state_dict(self, device: torch.device) -> dict[str, list[dict[str, float]]]:
        """Return the turns as plain numbers, for the checkpoint."""
        self._average_over_ranks(device)
        return {
            player: [{name: term.item() for name, term in terms.items()} for terms in turns]
            for player, turns in self.turns.items()
        }

    def load_state_dict(self, state: Mapping[str, list[dict[str, float]]]) -> None:
        """Replace the turns by those of a checkpoint."""
        self.turns = {
            player: [{name: torch.tensor(value) for name, value in terms.items()} for terms in turns]
            for player, turns in state.items()
        }

    def _series(self) -> Iterator[Series]:
        for player, turns in self.turns.items():
            # Lazy penalties are missing from most turns.
            for term in dict.fromkeys(term for terms in turns for term in terms):
                values = torch.stack([terms[term] for terms in turns if term in terms]).cpu().double()
                yield Series(player, term, values)

    def _average_over_ranks(self, device: torch.device) -> None:
        # Terms loaded from a checkpoint are on the CPU, and collectives need one device.
        self.turns = {
            player: [{name: term.to(device) for name, term in terms.items()} for terms in turns]
            for player, turns in self.turns.items()
        }
        collectives.average([term for turns in self.turns.values() for terms in turns for term in terms.values()])


def require_finite(series: Series, images_seen: int) -> None:
    """Raise Diverged unless all values are finite; ``images_seen`` tells the user when it happened."""
    player, term, values = series
    bad = [turn for turn, value in enumerate(values.tolist()) if not math.isfinite(value)]
    if bad:
        turns_ago = len(values) - bad[0]
        raise Diverged(
            f"the {player}'s {term} loss became {values[bad[0]].item()}, {turns_ago} of its turns before image "
            f"{images_seen:,}"
        )
