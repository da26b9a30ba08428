"""Inception Score (arXiv 1606.03498)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ganexp.metrics.score import Reference, SampleMetric, Score

SEED = 2020


class InceptionScore(SampleMetric):
    """exp E[KL(p(y|x) || p(y))] of a classifier's logits: mean and standard deviation over random splits.

    The state per split is the number of samples and the sums of p(y|x) and of p(y|x) log p(y|x), so memory does not
    depend on the number of samples. With fewer samples than ``splits``, every sample is its own split.
    Splits are drawn as in torch-fidelity. No reference is needed.
    """

    output = "logits"
    against_real = False
    higher_is_better = True
    parts = ("",)
    count: Tensor
    probabilities: Tensor
    negative_entropies: Tensor
    split_of: Tensor

    def __init__(self, reference: Reference | None, samples: int, splits: int = 10) -> None:
        super().__init__(reference, samples)
        self.splits = min(splits, samples)
        # A buffer, so that it is on the device of the features.
        self.register_buffer("split_of", split_numbers(samples, self.splits), persistent=False)
        # Scalars that broadcast, as the number of classes is unknown until the first logits.
        for name in ("count", "probabilities", "negative_entropies"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def accumulate(self, features: Tensor, number: Tensor) -> None:
        """Add the class probabilities of logits (B, K) to the sums of their splits."""
        split = self.split_of.to(number.device)[number].to(features.device)
        member = one_hot(split, self.splits).double().T
        log_p = features.double().log_softmax(1)
        p = log_p.exp()
        self.count = self.count + member.sum(1)
        self.probabilities = self.probabilities + member @ p
        self.negative_entropies = self.negative_entropies + member @ (p * log_p).sum(1)

    def scores(self) -> dict[str, Score]:
        """Return the mean and standard deviation over the splits."""
        marginal = self.probabilities / self.count.unsqueeze(1)
        # The mean over x of KL(p(y|x) || p(y)): the cross term with log p(y) depends on p(y|x) only through its mean.
        divergence = self.negative_entropies / self.count - torch.xlogy(marginal, marginal).sum(1)
        scores = divergence.exp()
        return {"": Score(float(scores.mean()), float(scores.std(correction=0)))}

    def settings(self) -> dict[str, int | float | str]:
        """Return the number of splits."""
        return {"splits": self.splits}


def split_numbers(samples: int, splits: int) -> Tensor:
    """Return the split of each sample, int64 (samples,): contiguous parts of a fixed random order."""
    order = np.random.RandomState(SEED).permutation(samples)
    split_of = torch.empty(samples, dtype=torch.int64)
    for split in range(splits):
        split_of[order[split * samples // splits : (split + 1) * samples // splits]] = split
    return split_of
