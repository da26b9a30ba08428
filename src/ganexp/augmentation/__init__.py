"""Distortions through which the discriminator sees real and fake images."""

from ganexp.augmentation.base import Augmentation, NoAugmentation

__all__ = ["Augmentation", "NoAugmentation"]
