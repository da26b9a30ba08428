"""GANs conditioned by the embeddings of a discriminator: ContraGAN and ReACGAN (arXiv 2006.12681, 2111.01118)."""

from typing import Unpack

import torch
from torch import Tensor, nn

from ganexp.distributed import collectives
from ganexp.game.loss_history import Terms
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.critic import Critic, HeadCritic
from ganexp.variants.embedding_losses import EmbeddingLoss
from ganexp.variants.gan import GANSettings


class EmbeddingCritic(HeadCritic):
    """A critic that is not given the labels (N,), but compares embeddings of the images of all ranks by class.

    Its network maps images (N, C, H, W) to logits (N,) and embeddings (N, E), and by ``proxies`` labels to (N, E).
    """

    def __init__(self, network: nn.Module, label: Tensor, loss: EmbeddingLoss, weight: float) -> None:
        super().__init__(network)
        self.embedder = network
        self.label = label
        self.loss = loss
        self.weight = weight

    def judge(self, images: Tensor) -> tuple[Tensor, Terms]:
        """Return the logits (N,) of images being real, and the weighted loss of their embeddings."""
        logits, embeddings = self.network(images)
        proxies: Tensor = self.embedder.proxies(self.label)  # type: ignore[operator]
        # At once, so that the ranks also exchange the gradients at once.
        both = collectives.gathered(torch.stack([embeddings, proxies.to(embeddings)], dim=1))
        loss = self.loss(both[:, 0], both[:, 1], collectives.gathered(self.label))
        return logits, {"conditioning": self.weight * loss}


class EmbeddingGAN(ConditionalGAN):
    """A conditional GAN whose players minimize a loss of embeddings beside their adversarial loss.

    ``conditioning`` is that loss, with ``conditioning_weight``: of the real images in the discriminator's turn, of the
    fakes in the generator's. The discriminator's adversarial logits do not depend on labels. Raises ValueError for a
    weight below 0 and for attributes, which are not classes.
    """

    head = ("embedding", "of the image, not of unit length")
    """The name of what the discriminator returns beside its logits, and what it is."""

    def __init__(
        self,
        num_classes: int,
        conditioning: EmbeddingLoss,
        conditioning_weight: float = 1.0,
        attributes: bool = False,
        **gan: Unpack[GANSettings],
    ) -> None:
        if attributes:
            raise ValueError("attributes=true: images are compared by their classes, one for each; choose model=cdcgan")
        if not conditioning_weight >= 0:
            raise ValueError(f"conditioning_weight={conditioning_weight}: it must be at least 0, for example 1")
        super().__init__(num_classes, **gan)
        self.conditioning = conditioning
        self.conditioning_weight = conditioning_weight

    def critic(self, label: Tensor) -> Critic:
        """Return the critic of images with these labels (N,)."""
        return EmbeddingCritic(self.discriminator, label, self.conditioning, self.conditioning_weight)

    def critic_of_fakes(self, player: str, label: Tensor) -> Critic:
        """Return the critic of fakes, whose embeddings count in the generator's turn only."""
        return self.critic(label) if player == "generator" else HeadCritic(self.discriminator)
