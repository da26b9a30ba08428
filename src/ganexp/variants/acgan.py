"""The auxiliary classifier GAN (arXiv 1610.09585): the discriminator also tells the class."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganexp.game.module import Batch, Terms
from ganexp.variants.adversary import Critic
from ganexp.variants.conditional import ConditionalGAN


class ACGAN(ConditionalGAN):
    """A conditional GAN whose discriminator is not told the label but names it.

    The discriminator maps images to logits (N,) of being real and logits (N, num_classes) of the classes. Both players
    minimize the cross entropy of the label beside their adversarial loss (eq. 2 and 3); penalties and curves see the
    first logits only.
    """

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Tell real from fake, and name the class of both."""
        real, label = batch["image"], batch["label"]
        fake_label = self.draw_labels("discriminator", len(real))
        with torch.no_grad():
            fake = self.generator(self.draw_noise("discriminator", len(real)), fake_label)
        real, fake = self.augmented("discriminator real", real), self.augmented("discriminator fake", fake)
        real_logits, real_classes = self.discriminator(real)
        fake_logits, fake_classes = self.discriminator(fake)
        terms = self.discriminator_terms(self.source, self.source, real, fake, real_logits, fake_logits)
        return {**terms, "classification": named(real_classes, label) + named(fake_classes, fake_label)}

    def generator_loss(self, batch: Batch) -> Terms:
        """Pass for real, and for an image of the class drawn."""
        real = batch["image"]
        fake_label = self.draw_labels("generator", len(real))
        fake = self.generator(self.draw_noise("generator", len(real)), fake_label)
        logits, classes = self.discriminator(self.augmented("generator fake", fake))
        return {**self.generator_terms(self.source, real, logits), "classification": named(classes, fake_label)}

    def critics(self, label: Tensor, fake_label: Tensor) -> tuple[Critic, Critic]:
        """Return what tells real from fake, for real images and for fake ones: labels do not matter to it."""
        return self.source, self.source

    def source(self, images: Tensor) -> Tensor:
        """Return logits (N,) of being real, from images (N, C, H, W)."""
        logits: Tensor = self.discriminator(images)[0]
        return logits


def named(classes: Tensor, label: Tensor) -> Tensor:
    """Return -E[log P(C = label)], a scalar in float32, from logits of the classes (N, num_classes)."""
    return cross_entropy(classes.float(), label)
