"""Random horizontal flips and dequantization of training images."""

import torch
from torch import Tensor

from ganexp.data.values import to_signed_unit
from ganexp.numerics.counters import random_bits, sixteen_bit_numbers
from ganexp.numerics.randomness import derived_seed

UNCHANGED = "as stored"
LEVELS = 1 << 16


class TrainingImages:
    """Mirrors half of the training images, adds noise below one grey level to them, or both.

    The draws are functions of (seed, the sample's position in the training sequence, the pixel's place) alone, the same
    on every device.
    """

    def __init__(self, seed: int, flip: bool, dequantize: bool) -> None:
        self.flip = flip
        self.dequantize = dequantize
        self.flip_key = derived_seed(seed, "flip")
        self.noise_key = derived_seed(seed, "dequantize")

    @property
    def changes(self) -> bool:
        """Whether images are changed at all."""
        return self.flip or self.dequantize

    def __call__(self, images: Tensor, positions: Tensor) -> Tensor:
        """Return images, uint8 (B, C, H, W), as float32 in [-1, 1]; ``positions``, int64 (B,), are on their device.

        Dequantized, the pixel x is (x + u) / 128 - 1, in [-1, 1), with u uniform on [0, 1): pfnet-research's
        sngan_projection datasets/cifar10.py and igul222's improved_wgan_training gan_cifar_resnet.py.
        """
        if self.flip:
            mirrored = random_bits(self.flip_key, positions) < 0
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        return self._dequantized(images, positions) if self.dequantize else to_signed_unit(images)

    def _dequantized(self, images: Tensor, positions: Tensor) -> Tensor:
        # With 16 bits behind the point all is exact in float32; with more, 255 + u would be rounded up to 256.
        noise = sixteen_bit_numbers(self.noise_key, positions, images[0].numel()).view(images.shape)
        return images.float().add_(noise.float().div_(LEVELS)).div_(128).sub_(1)


def describe(flip: bool, dequantize: bool, balance: bool = False) -> str:
    """Return a description of the training images for a score's protocol."""
    parts = ["mirrored with probability 0.5"] * flip + ["dequantized"] * dequantize
    parts += ["drawn from every class equally often"] * balance
    return " and ".join(parts) or UNCHANGED
