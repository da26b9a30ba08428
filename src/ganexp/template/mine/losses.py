"""Losses: functions of the discriminator's logits, which have any shape."""

from torch import Tensor
from torch.nn.functional import softplus

from ganexp.losses import NonSaturating


class Smoothed(NonSaturating):
    """The non-saturating loss with one-sided label smoothing (arXiv 1606.03498, section 3.4)."""

    def __init__(self, label: float = 0.9) -> None:
        self.label = label

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -E[a log D(x) + (1 - a) log(1 - D(x))] - E[log(1 - D(G(z)))] with the label a."""
        real = real.float()
        on_real = self.label * softplus(-real) + (1 - self.label) * softplus(real)
        return on_real.mean() + softplus(fake.float()).mean()
