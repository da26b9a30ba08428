"""The auxiliary classifier GAN (arXiv 1610.09585): the discriminator also classifies images."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from ganexp.game.loss_history import Terms
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.critic import Critic, HeadCritic


class ClassifyingCritic(HeadCritic):
    """A critic that is not given the labels (N,) but predicts them.

    Its network maps images (N, C, H, W) to logits (N,) of being real and logits (N, num_classes) of the classes.
    """

    def judge(self, images: Tensor) -> tuple[Tensor, Terms]:
        """Return the logits (N,) of images being real, and the classification loss."""
        logits, classes = self.network(images)
        (label,) = self.condition
        return logits, {"classification": label_cross_entropy(classes, label)}


class ACGAN(ConditionalGAN):
    """A conditional GAN with an auxiliary classifier in its discriminator.

    Both players minimize the cross-entropy of the labels beside their adversarial loss (eq. 2 and 3): the
    discriminator's on real and fake images, the generator's on its fakes. Penalties see the adversarial logits only.
    """

    def critic(self, label: Tensor) -> Critic:
        """Return the critic of images with these labels (N,)."""
        return ClassifyingCritic(self.discriminator, label)


def label_cross_entropy(classes: Tensor, label: Tensor) -> Tensor:
    """Return -E[log P(C = label)], a scalar in float32, from logits of the classes (N, num_classes)."""
    return cross_entropy(classes.float(), label)
