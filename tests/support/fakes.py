"""Features and references for the tests of several metrics."""

from dataclasses import dataclass

import torch

from ganexp.metrics.moments import moments, power_sums


@dataclass
class RealFeatures:
    """A reference that has its features in memory."""

    values: torch.Tensor

    def moments(self):
        return moments(power_sums(self.values))

    def features(self):
        return self.values


def features(number, width, seed=0, shift=0.0):
    """Return correlated features with uneven variances, float32."""
    rng = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=torch.Generator().manual_seed(99)) / width**0.5
    return torch.randn(number, width, generator=rng) @ mixing + shift


def score(metric, values, batch_size=7, order=None):
    """Return the metric's scores of features, taken in batches, in any order."""
    order = torch.arange(len(values)) if order is None else order
    for numbers in order.split(batch_size):
        metric.update(values[numbers], numbers)
    return metric.compute()
