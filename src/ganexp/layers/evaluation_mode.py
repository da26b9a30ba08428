"""Evaluation mode of a network, as a context."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[None]:
    """Switch a network to evaluation: no dropout, no batch statistics."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
