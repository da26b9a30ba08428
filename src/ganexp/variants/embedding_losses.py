"""Losses of a discriminator's embeddings that condition a GAN on classes, by comparing the images of a batch.

Each compares an embedding with the proxy of its class and with the other embeddings of the batch, by cosines, in
float32 or better.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu

from ganexp.numerics.gradients import promote_to_float32

EmbeddingLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From embeddings (N, E), the proxies (N, E) of their classes and labels (N,) to a scalar."""


@dataclass(frozen=True)
class Contrastive:
    """The conditional contrastive loss 2C of ContraGAN (arXiv 2006.12681, eq. 8).

    An image is pulled to its proxy and to the others of its class, and pushed from the others. The image itself is
    neither in the numerator nor in the denominator, as in the authors' code. Raises ValueError unless ``temperature``
    is above 0.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        require_positive_temperature(self.temperature)

    def __call__(self, embeddings: Tensor, proxies: Tensor, label: Tensor) -> Tensor:
        """Return the loss of embeddings (N, E) with the proxies (N, E) of their labels (N,)."""
        to_proxy, to_others = cosines(embeddings, proxies)
        logits = torch.cat([to_proxy[:, None], to_others], dim=1) / self.temperature
        same = label[:, None] == label
        # The first column is the proxy's.
        positive = torch.cat([torch.ones_like(same[:, :1]), same & ~itself(label)], dim=1)
        other = torch.cat([torch.ones_like(same[:, :1]), ~itself(label)], dim=1)
        return (log_sum(logits, other) - log_sum(logits, positive)).mean()


@dataclass(frozen=True)
class DataToData:
    """The data-to-data cross-entropy D2D-CE of ReACGAN (arXiv 2111.01118, eq. 7).

    An image is pulled to its proxy until their cosine is ``margin``, and pushed from the images of other classes until
    theirs is 1 - ``margin``, the authors' choice; beyond, neither has an effect. The authors' code shifts the exponents
    of the other images alone, against overflow, which changes the value; here both are shifted. Raises ValueError
    unless ``temperature`` is above 0.
    """

    temperature: float = 0.5
    margin: float = 0.98

    def __post_init__(self) -> None:
        require_positive_temperature(self.temperature)

    def __call__(self, embeddings: Tensor, proxies: Tensor, label: Tensor) -> Tensor:
        """Return the loss of embeddings (N, E) with the proxies (N, E) of their labels (N,)."""
        to_proxy, to_others = cosines(embeddings, proxies)
        positive = -relu(self.margin - to_proxy) / self.temperature
        negative = relu(to_others - (1 - self.margin)) / self.temperature
        logits = torch.cat([positive[:, None], negative], dim=1)
        different = label[:, None] != label
        counted = torch.cat([torch.ones_like(different[:, :1]), different], dim=1)
        return (log_sum(logits, counted) - positive).mean()


def cosines(embeddings: Tensor, proxies: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosines (N,) of embeddings and proxies, both (N, E), and those (N, N) of the embeddings."""
    embeddings, proxies = (normalize(promote_to_float32(given), dim=1) for given in (embeddings, proxies))
    with torch.autocast(embeddings.device.type, enabled=False):
        return (embeddings * proxies).sum(1), embeddings @ embeddings.T


def itself(label: Tensor) -> Tensor:
    """Return the diagonal (N, N), true where an image meets itself."""
    number = torch.arange(len(label), device=label.device)
    return number[:, None] == number


def log_sum(logits: Tensor, counted: Tensor) -> Tensor:
    """Return the logarithms (N,) of the sums of exp(logits) (N, M) that count."""
    return logits.masked_fill(~counted, -torch.inf).logsumexp(1)


def require_positive_temperature(temperature: float) -> None:
    """Raise ValueError unless the temperature is above 0."""
    if not temperature > 0:
        raise ValueError(f"temperature={temperature}: it must be above 0, for example 1")
