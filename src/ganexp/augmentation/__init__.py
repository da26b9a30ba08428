"""Discriminator augmentation: random transformations of real and fake images alike."""

from ganexp.augmentation.base import Augmentation, NoAugmentation

__all__ = ["Augmentation", "NoAugmentation"]
