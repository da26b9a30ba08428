"""Turns as CUDA graphs: the gradients of a player's loss, captured once and replayed for every further batch.

Where a graph holds, a replayed turn equals the eager one bit for bit; where it does not, turns stay eager and one line
says why.
"""

import logging
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

import torch

from ganexp.distributed import collectives
from ganexp.distributed.exchanges import Exchanges
from ganexp.errors import one_line
from ganexp.game.batches import Batch
from ganexp.game.captured_inputs import CapturedInputs, NotCapturable, ObservedInputs, Requests
from ganexp.game.captured_turn import CapturedTurn, GraphBackend
from ganexp.game.host_state import changed, hooks, host_state
from ganexp.game.module import AdversarialModule, Player
from ganexp.game.turn_inputs import TurnInputs
from ganexp.game.turn_state import TurnState
from ganexp.numerics.cuda_graphs import HostWaits

log = logging.getLogger(__name__)

WARM_UP = 2
"""Eager turns of a key before its capture."""
MOST_GRAPHS = 16
"""The largest number of graphs of a player: each holds the memory of its turn."""
MOST_MOVES = 3
"""How often a turn is captured anew because weights or buffers have moved in memory."""

Key = tuple[Hashable, ...]


class TurnGraphs:
    """Computes the gradients of a game's turns, by graphs where they hold: a `GradientPass`.

    There is a graph for each player, each combination of its loss's decisions (such as which lazy penalties are due)
    and each shape of a batch. Its first turns are eager, then it is captured and replayed. With ``check`` some replays
    are compared with eager turns from the same state: bit for bit if ``exact``, else up to rounding. Each rank of a
    distributed run has graphs of its own; the game averages the gradients between them, outside.
    """

    def __init__(self, game: AdversarialModule, backend: GraphBackend, check: bool = True, exact: bool = True) -> None:
        self.game = game
        self.backend = backend
        self.check = check
        self.exact = exact
        self.inputs = ObservedInputs(game)
        self.decisions: dict[str, dict[str, Callable[[], Hashable]]] = {}
        self.requests: dict[Key, Requests] = {}
        self.turns: dict[Key, int] = {}
        self.moves: dict[Key, int] = {}
        self.captured: dict[Key, CapturedTurn] = {}
        self.eager: set[Key] = set()
        self.reasons: dict[str, str] = {}
        """Why turns of a player are eager, by its name."""
        self.is_over = False
        game.inputs = self.inputs
        game.gradient_pass = self

    def __call__(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Compute the gradients of the player's loss on the batch, and record its terms."""
        key = self.key(player, batch)
        captured = self.captured.get(key)
        if captured is not None and captured.addresses != captured.current_addresses():
            del self.captured[key]
            moves = self.moves[key] = self.moves.get(key, 0) + 1
            if moves > MOST_MOVES:
                self.refuse(key, player, "weights or buffers move in memory again and again")
        elif captured is not None and captured.modes == captured.current_modes():
            return self.replay(captured, key, player, optimizer, batch)
        turn = self.turns[key] = self.turns.get(key, 0) + 1
        if self.is_over or key in self.eager or (captured is not None and key in self.captured):
            return self.run_eagerly(key, player, optimizer, batch)
        if turn < WARM_UP:
            with self.backend.warming_up():
                return self.run_first(key, player, optimizer, batch)
        if turn == WARM_UP:
            with self.backend.warming_up():
                return self.run_watched(key, player, optimizer, batch)
        self.capture(key, player, optimizer, batch)

    def key(self, player: Player, batch: Batch) -> Key:
        """Return the player, its loss's decisions and the shapes of the batch."""
        decisions = tuple((name, decide()) for name, decide in self.decisions.get(player.name, {}).items())
        shapes = tuple((name, tensor.shape, tensor.dtype, tensor.stride()) for name, tensor in batch.items())
        return (player.name, decisions, shapes)

    def run_eagerly(self, key: Key, player: Player, optimizer: Any, batch: Batch) -> None:
        """Compute the gradients without a graph, and note what the loss asks for."""
        requests = self.inputs.requests = self.requests[key] = Requests()
        torch.clear_autocast_cache()
        self.game.compute_gradients(player, optimizer, batch)
        self.decisions.setdefault(player.name, {}).update(requests.decisions)

    def run_first(self, key: Key, player: Player, optimizer: Any, batch: Batch) -> None:
        """Compute the gradients without a graph, and refuse to capture turns in which ranks exchange values.

        All ranks do so in the same turn; later turns, which a rank may repeat by itself, exchange nothing.
        """
        if collectives.count() == 1:
            return self.run_eagerly(key, player, optimizer, batch)
        with Exchanges() as exchanges:
            self.run_eagerly(key, player, optimizer, batch)
        if exchanges.count > 0:
            self.refuse(key, player, "its loss exchanges values between the ranks")

    def run_watched(self, key: Key, player: Player, optimizer: Any, batch: Batch) -> None:
        """Compute the gradients without a graph, and refuse to capture turns that a graph would not repeat."""
        state, before = TurnState(self.game, player.network), host_state(self.game)
        waits = ""
        try:
            with self.backend.without_waiting():
                self.run_eagerly(key, player, optimizer, batch)
        except HostWaits as error:
            waits = one_line(error)
        # Not where the error is handled, as its traceback keeps the memory of the turn.
        if waits:
            self.refuse(key, player, f"the host waits for the device: {waits}")
            state.restore()
            return self.run_eagerly(key, player, optimizer, batch)
        reason = hooks(self.game) or changed(before, host_state(self.game))
        if reason:
            self.refuse(key, player, reason)

    def capture(self, key: Key, player: Player, optimizer: Any, batch: Batch) -> None:
        """Capture the turn and compute it; eagerly if that fails."""
        if sum(name == player.name for name, *_ in self.captured) >= MOST_GRAPHS:
            self.refuse(key, player, f"there are {MOST_GRAPHS} graphs of its turns already")
            return self.run_eagerly(key, player, optimizer, batch)
        before = TurnState(self.game, player.network)
        torch.clear_autocast_cache()
        try:
            inputs = CapturedInputs(self.inputs, self.requests[key])
            captured = CapturedTurn(self.game, player, optimizer, batch, inputs, self.backend)
        except NotCapturable as error:
            self.refuse(key, player, one_line(error))
        except Exception as error:
            # Whatever goes wrong in a capture, training continues without; a mistake of the loss itself is raised by
            # the eager turn below. The first error says why; ending the capture then fails for that reason.
            self.end(f"the {player.name}'s turn cannot be captured: {first_line(error.__context__ or error)}")
            self.backend.recover()
        else:
            self.captured[key] = captured
            return self.replay(captured, key, player, optimizer, batch)
        finally:
            torch.clear_autocast_cache()
        before.restore()
        self.run_eagerly(key, player, optimizer, batch)

    def replay(self, captured: CapturedTurn, key: Key, player: Player, optimizer: Any, batch: Batch) -> None:
        """Compute the gradients by the graph; now and then beside an eager turn, which counts if they differ."""
        if not (self.check and captured.is_to_be_checked):
            return captured.replay(batch)
        before = TurnState(self.game, player.network)
        expected = None
        with suppress(torch.cuda.OutOfMemoryError):
            self.run_eagerly(key, player, optimizer, batch)
            expected = TurnState(self.game, player.network)
        before.restore()
        if expected is None:
            self.end("the memory does not suffice for graphs and for the eager turns that check them")
            return self.run_eagerly(key, player, optimizer, batch)
        try:
            captured.replay(batch)
            difference = expected.difference(TurnState(self.game, player.network), self.exact)
        except Exception as error:
            self.end(f"the {player.name}'s turn cannot be replayed: {first_line(error)}")
            return expected.restore()
        if difference:
            del self.captured[key]
            self.refuse(key, player, f"a replayed turn differs from an eager one: {difference}")
            expected.restore()

    def refuse(self, key: Key, player: Player, reason: str) -> None:
        """Keep the turns of a key eager, and say why, once for a player."""
        self.eager.add(key)
        if player.name not in self.reasons:
            self.reasons[player.name] = reason
            log.info("graphs: the %s's turns are not captured in CUDA graphs: %s", player.name, reason)

    def end(self, reason: str) -> None:
        """Drop all graphs and keep every further turn eager."""
        self.is_over = True
        for captured in self.captured.values():
            captured.release()
        self.captured.clear()
        self.reasons |= {player.name: reason for player in self.game.players()}
        log.info("graphs: turns are no longer captured in CUDA graphs: %s", reason)

    def close(self) -> None:
        """Release all graphs, and let the game compute its gradients as without them."""
        self.captured.clear()
        self.game.inputs, self.game.gradient_pass = TurnInputs(self.game), None

    def report(self) -> dict[str, str]:
        """Return by player whether its turns are captured, or why not."""
        captured = {str(name) for name, *_ in self.captured}
        waiting = "no turn has been captured yet"
        return {
            player.name: self.reasons.get(player.name) or ("captured" if player.name in captured else waiting)
            for player in self.game.players()
        }


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text: CUDA's are followed by general advice."""
    return (str(error) or type(error).__name__).splitlines()[0]
