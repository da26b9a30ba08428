"""Class-conditional R3GAN (arXiv 2501.05441): every fake image has the label of the real one that it is paired with."""

from collections.abc import Callable
from typing import Unpack

from torch import Tensor

from ganexp.partials import plain
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.gan import GANSettings
from ganexp.variants.r3gan import R3GAN


class ConditionalR3GAN(R3GAN, ConditionalGAN):
    """R3GAN whose networks also take labels (N,) in [0, num_classes).

    As in the authors' code, labels of fake images are not drawn but are those of the turn's real images, so that the
    relativistic loss compares images of one class.
    """

    def __init__(
        self,
        beta2: Callable[[float], float],
        num_classes: int,
        attributes: bool = False,
        **gan: Unpack[GANSettings],
    ) -> None:
        ConditionalGAN.__init__(self, num_classes, attributes, **gan)
        self.beta2 = plain(beta2)

    def fake_labels(self, player: str, label: Tensor) -> Tensor:
        """Return the labels (N,) of the real images."""
        return label
