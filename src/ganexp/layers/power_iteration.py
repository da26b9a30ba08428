"""Power iteration of spectral normalization: when a turn makes one, and a context in which it is frozen."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrize import ParametrizationList

from ganexp.errors import UserError


class PowerIteration(Protocol):
    """The power iterations of one turn, whose player is the first network while the others wait."""

    others_iterate: bool
    """Whether the networks that wait iterate, too, when the player's loss calls them."""

    def __init__(self, player: nn.Module, waiting: Sequence[nn.Module], parts: int) -> None: ...

    def part(self, number: int) -> AbstractContextManager[None]:
        """Return the context of one of the parts that the batch is split into, numbered from 0."""
        ...


class EveryTurn:
    """One power iteration in each turn of the network's player, however often the turn calls the network."""

    others_iterate = False

    def __init__(self, player: nn.Module, waiting: Sequence[nn.Module], parts: int) -> None:
        self.player = player

    @contextmanager
    def part(self, number: int) -> Iterator[None]:
        """Normalize the weights once; later parts of the batch use the weights of the first."""
        with parametrize.cached(), frozen_power_iteration(self.player, number > 0):
            yield


class EveryForward:
    """One power iteration in each forward pass of a network in training mode, also while it waits.

    As in the authors' code for arXiv 1802.05957 (pfnet-research/sngan_projection source/links/sn_convolution_2d.py).
    """

    others_iterate = True

    def __init__(self, player: nn.Module, waiting: Sequence[nn.Module], parts: int) -> None:
        self.vectors = [vector for network in (player, *waiting) for vector in singular_vectors(network)]
        self.first = [vector.clone() for vector in self.vectors] if parts > 1 else []

    @contextmanager
    def part(self, number: int) -> Iterator[None]:
        """Iterate from the vectors that the turn began with, so that every part gets the weights of the whole batch."""
        if number > 0:
            for vector, first in zip(self.vectors, self.first, strict=True):
                vector.copy_(first)
        yield


POWER_ITERATIONS: Mapping[str, type[PowerIteration]] = {"every_turn": EveryTurn, "every_forward": EveryForward}


def power_iteration(name: str) -> type[PowerIteration]:
    """Return the power iterations of a name; raises UserError, with the names there are, for any other."""
    if name not in POWER_ITERATIONS:
        raise UserError(f"model.power_iteration={name}: choose one of {', '.join(POWER_ITERATIONS)}.")
    return POWER_ITERATIONS[name]


def singular_vectors(network: nn.Module) -> list[Tensor]:
    """Return the singular vectors of a network's spectrally normalized weights, which are buffers."""
    return [vector for parametrization in parametrizations_of(network) for vector in parametrization.buffers()]


def parametrizations_of(network: nn.Module) -> list[nn.Module]:
    """Return the parametrizations of a network's weights, such as spectral normalizations."""
    lists = (module for module in network.modules() if isinstance(module, ParametrizationList))
    return [parametrization for parametrizations in lists for parametrization in parametrizations]


@contextmanager
def frozen_power_iteration(network: nn.Module, when: bool = True) -> Iterator[None]:
    """Use the network's spectrally normalized weights without a power iteration, if ``when`` is true.

    The singular vectors stay fixed, as in evaluation mode; the rest of the network is unaffected.
    """
    parametrizations = parametrizations_of(network) if when else []
    modes = [parametrization.training for parametrization in parametrizations]
    try:
        for parametrization in parametrizations:
            parametrization.training = False
        yield
    finally:
        for parametrization, mode in zip(parametrizations, modes, strict=True):
            parametrization.training = mode
