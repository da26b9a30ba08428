"""Path length regularization of a generator with styles (arXiv 1912.04958, section 3.2)."""

import math

import torch
from torch import Tensor, nn

from ganexp.distributed import collectives
from ganexp.errors import UserError


class PathLength(nn.Module):
    """Penalizes how far the length of a random image's gradient in the styles is from its moving average (eq. 4).

    It is a term of the generator's loss on every ``every``-th turn, with that many times the ``weight``, over a batch
    smaller by the factor ``shrink`` (appendix B). The average starts at 0 and is part of the state; ``decay`` is the
    share of it that a turn keeps. Raises UserError unless the weight is finite and at least 0, ``every`` and ``shrink``
    are at least 1 and ``decay`` is in [0, 1).
    """

    mean: Tensor

    def __init__(self, weight: float = 2.0, every: int = 4, decay: float = 0.99, shrink: int = 2) -> None:
        super().__init__()
        if not (math.isfinite(weight) and weight >= 0):
            raise UserError(f"PathLength: weight={weight}: it must be finite and at least 0, for example 2")
        if every < 1 or shrink < 1:
            raise UserError(f"PathLength: every={every}, shrink={shrink}: both must be at least 1")
        if not 0 <= decay < 1:
            raise UserError(f"PathLength: decay={decay}: it must be at least 0 and below 1, for example 0.99")
        self.weight = weight
        self.every = every
        self.decay = decay
        self.shrink = shrink
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, lengths: Tensor, parts: int = 1) -> Tensor:
        """Return the term of the loss for lengths (N,), a scalar, and update their average in training mode.

        The lengths are those of one of ``parts`` parts of a batch.
        """
        decay: float = self.decay ** (1 / parts)
        latest = collectives.mean(lengths.mean())
        target = latest.lerp(self.mean.to(latest), decay)
        if self.training:
            self.mean.copy_(target)
        # The target's own gradient is of the lengths of all ranks, whose mean each rank's part is averaged to.
        of_target = -2 * (1 - decay) * (latest - target) * (lengths.mean() - lengths.mean().detach())
        return self.every * self.weight * ((lengths - target).square().mean() + of_target)


def path_lengths(images: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """Return the lengths (N,) of the gradients, differentiable, of sums of random pixels in styles (N, layers, style).

    ``images`` (N, C, H, W) were computed from the styles, which required gradients, and are multiplied by normal
    ``noise`` of their shape over the root of the number of pixels of one channel.
    """
    pixels = math.prod(images.shape[2:])
    (gradient,) = torch.autograd.grad((images * noise).sum() / math.sqrt(pixels), styles, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()
