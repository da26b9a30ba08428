"""The exponential moving average of a network's weights, used for samples and scores."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganexp.files.saved_values import entry, require_count, require_dict
from ganexp.partials import plain


@dataclass(frozen=True)
class HalfLife:
    """The decay of a moving average whose half-life is a share of the budget.

    ``share`` maps progress in [0, 1] to that share. Between two updates ``critic_steps`` batches of ``batch_size``
    images are seen. R3GAN's averages have a growing half-life (arXiv 2501.05441; the schedule is in the authors' code).
    """

    share: Callable[[float], float]
    batch_size: int
    critic_steps: int = 1
    images: int | None = None
    """Configurations of earlier versions have it; the budget is the game's."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", plain(self.share))

    def __call__(self, progress: float, images: int) -> float:
        """Return the decay of one update, in [0, 1), at a progress in a budget of ``images``."""
        half_life = self.share(progress) * images
        return 0.5 ** (self.batch_size * self.critic_steps / half_life) if half_life > 0 else 0.0


@dataclass(frozen=True)
class FixedHalfLife:
    """The decay of a moving average whose half-life is a fixed number of images, whatever the budget.

    With a ``ramp_up`` it is at most that share of the images seen (NVlabs/stylegan2-ada-pytorch
    training/training_loop.py). Between two updates ``critic_steps`` batches of ``batch_size`` images are seen.
    """

    half_life: float
    batch_size: int
    critic_steps: int = 1
    ramp_up: float | None = None
    images: int | None = None
    """Configurations of earlier versions have it; the budget is the game's."""

    def __call__(self, progress: float, images: int) -> float:
        """Return the decay of one update, in [0, 1), at a progress in a budget of ``images``."""
        longest = math.inf if self.ramp_up is None else self.ramp_up * progress * images
        half_life = min(self.half_life, longest)
        return 0.5 ** (self.batch_size * self.critic_steps / half_life) if half_life > 0 else 0.0


class ExponentialMovingAverage(nn.Module):
    """A copy of ``network`` whose parameters follow it slowly.

    After its t-th update (t = 0, 1, …) with ``decay_t = min(decay, (1 + t) / (warmup + t))`` a parameter is ``decay_t *
    average + (1 - decay_t) * current``; ``warmup=0`` uses ``decay`` from the start. ``at_most`` maps progress in [0, 1]
    and the budget of images to one more bound on the decay, such as a HalfLife. The first ``start`` updates copy the
    network (decay 0), as in the code of arXiv 1809.11096 and 2206.09479. ``averaged_buffers`` maps a network to the
    buffers that are averaged as parameters are, such as batch norm's running statistics; all others are copied, since
    an average of spectral normalization's vectors would lose its unit length. The count t is part of the state. Weights
    of a generator averaged this way: arXiv 1806.04498.
    """

    def __init__(
        self,
        network: nn.Module,
        decay: float = 0.999,
        warmup: int = 10,
        at_most: Callable[[float, int], float] | None = None,
        start: int = 0,
        averaged_buffers: Callable[[nn.Module], Sequence[Tensor]] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"ema.decay={decay}: it must be at least 0 and below 1, for example 0.999")
        if warmup < 0:
            raise ValueError(f"ema.warmup={warmup}: it must be 0 or more updates")
        if start < 0:
            raise ValueError(f"ema.start={start}: it must be 0 or more updates")
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.warmup = warmup
        self.at_most = at_most
        self.start = start
        self.averaged_buffers = None if averaged_buffers is None else plain(averaged_buffers)
        self.updates = 0

    @property
    def averages(self) -> bool:
        """Whether it is an average at all: with a decay of 0 it is a copy of the network."""
        return self.decay > 0

    @property
    def label(self) -> str:
        """A few words for tables of scores, such as «EMA 0.999»."""
        return f"EMA {self.decay:g}" if self.at_most is None else "EMA on a schedule"

    @property
    def statistics(self) -> str:
        """The running statistics that its normalizations have, in words for the protocol of a score.

        They do not depend on the network: scores with different normalizations are compared.
        """
        return "running statistics" if self.averaged_buffers is None else "averaged running statistics"

    def current_decay(self, progress: float = 0.0, images: int = 0) -> float:
        """Return the decay that the next update will use, at this progress in a budget of ``images``."""
        if self.updates < self.start:
            return 0.0
        bounds = [self.decay]
        if self.warmup > 0:
            bounds.append((1 + self.updates) / (self.warmup + self.updates))
        if self.at_most is not None:
            bounds.append(self.at_most(progress, images))
        return min(bounds)

    def update(self, network: nn.Module, progress: float = 0.0, images: int = 0) -> None:
        """Move the average towards ``network`` by one step, at this progress in a budget of ``images``."""
        self.move(self.network, network, progress, images)
        self.updates += 1

    @torch.no_grad()
    def move(self, average: nn.Module, network: nn.Module, progress: float = 0.0, images: int = 0) -> None:
        """Move the average, or a part of it, towards a network, or the same part of it, without counting the update."""
        weight = 1 - self.current_decay(progress, images)
        averages, currents = self._averaged(average), self._averaged(network)
        torch._foreach_lerp_(averages, currents, weight)
        followed = {id(tensor) for tensor in [*averages, *currents]}
        copies = [buffer for buffer in average.buffers() if id(buffer) not in followed]
        if copies:
            torch._foreach_copy_(copies, [buffer for buffer in network.buffers() if id(buffer) not in followed])

    def _averaged(self, network: nn.Module) -> list[Tensor]:
        """Return the tensors of a network that are averaged."""
        buffers = [] if self.averaged_buffers is None else self.averaged_buffers(network)
        return [*network.parameters(), *buffers]

    def get_extra_state(self) -> dict[str, int]:
        """Return the number of updates, for the checkpoint."""
        return {"updates": self.updates}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Take the number of updates from a checkpoint; raises NotACheckpoint unless it is a count."""
        self.updates = require_count(entry(require_dict(state, "average"), "updates"), "average.updates")


class PartOfAverage:
    """The average of one part of a network, such as a level of a pyramid, whose player updates it alone.

    ``part`` is the part's name within the network. All parts are updated in the same batches, the ``is_last`` of which
    counts the update.
    """

    def __init__(self, whole: ExponentialMovingAverage, part: str, is_last: bool) -> None:
        self.whole = whole
        self.part = part
        self.is_last = is_last

    @property
    def network(self) -> nn.Module:
        """The average of the part."""
        return self.whole.network.get_submodule(self.part)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the averaged weights of the part."""
        return self.network.parameters()

    def update(self, network: nn.Module, progress: float = 0.0, images: int = 0) -> None:
        """Move the part of the average towards the same part of the network by one step."""
        self.whole.move(self.network, network, progress, images)
        self.whole.updates += self.is_last
