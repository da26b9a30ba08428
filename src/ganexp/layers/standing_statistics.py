"""Standing statistics of batch norm, for sampling (arXiv 1809.11096, appendix C)."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.layers.statistics import BATCH_NORMS


def batch_norms(network: nn.Module) -> list[Any]:
    """Return the network's batch norms."""
    return [module for module in network.modules() if isinstance(module, BATCH_NORMS)]


@torch.no_grad()
def with_standing_statistics(network: nn.Module, batches: Iterable[Sequence[Tensor]]) -> nn.Module:
    """Return a copy of the network whose batch norms' running statistics are the arithmetic mean over these batches.

    A batch is the network's inputs. Meanwhile only batch norms are in training mode, so that dropout and spectral
    normalization behave as in evaluation; the copy is returned in evaluation mode. Unlike running statistics they
    belong to the current weights, which may be a moving average.
    """
    standing = copy.deepcopy(network).eval()
    norms = batch_norms(standing)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average: all batches weigh the same
        norm.train()
    for inputs in batches:
        standing(*inputs)
    return standing.eval()
