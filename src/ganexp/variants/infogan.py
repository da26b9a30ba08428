"""InfoGAN: codes in the noise that the discriminator recovers from the images (arXiv 1606.03657)."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Unpack

from torch import Tensor
from torch.nn.functional import cross_entropy

from ganexp.game.loss_history import Terms
from ganexp.noise import Codes
from ganexp.numerics.gradients import promote_to_float32
from ganexp.variants.critic import Critic, HeadCritic
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.samplers.codes import CodeSampler


class CodeCritic(HeadCritic):
    """A critic that also recovers the codes of fakes, the first columns of their noise (N, latent), with a weight.

    Its network maps images (N, C, H, W) to logits (N,) of being real and to (N, categories + continuous): logits of the
    categorical code, then means of the continuous ones.
    """

    def __init__(self, network: Callable[..., Any], noise: Tensor, codes: Codes, weight: float) -> None:
        super().__init__(network)
        self.codes = noise[:, : codes.width]
        self.categories = codes.categories
        self.weight = weight

    def judge(self, images: Tensor) -> tuple[Tensor, Terms]:
        """Return the logits (N,) of images being real, and the weighted loss of the codes."""
        logits, recovered = self.network(images)
        return logits, {"information": self.weight * code_loss(recovered, self.codes, self.categories)}


class InfoGAN(GAN):
    """A GAN whose players both maximize a bound of the mutual information of codes and images (eq. 5 and 6).

    The first ``categories`` columns of the noise are a category as 0 and 1, the next ``continuous`` are uniform, as
    `noise.with_codes` draws them. ``information`` is the bound's weight, the paper's lambda. Raises ValueError unless
    the noise has further columns and the weight is at least 0.
    """

    head = ("codes", "logits of the category, then means of the continuous codes")
    """The name of what the discriminator returns beside its logits, and what it is."""

    def __init__(
        self, categories: int = 10, continuous: int = 2, information: float = 1.0, **gan: Unpack[GANSettings]
    ) -> None:
        super().__init__(**gan)
        if categories + continuous >= self.latent:
            raise ValueError(
                f"latent={self.latent}: it must be above categories + continuous = {categories + continuous}, the "
                "columns of the noise that are codes"
            )
        if not information >= 0:
            raise ValueError(f"information={information}: it must be at least 0, for example 1")
        self.codes = Codes(categories, continuous)
        self.information = information
        self.sampler: CodeSampler = CodeSampler(self.codes, **self.sampler_settings())

    def real_critic(self) -> Critic:
        """Return the critic of real images, which have no codes."""
        return HeadCritic(self.discriminator)

    def fake_critic(self, player: str, noise: Tensor) -> Critic:
        """Return the critic that also recovers the codes of fakes of noise (N, latent)."""
        return CodeCritic(self.discriminator, noise, self.codes, self.information)

    def sample_categories(self, n: int, seed: int, categories: Sequence[int]) -> Tensor:
        """Return samples 0 to n - 1 (n, C, H, W), but of these categories in turn; raises ValueError for others."""
        return self.sampler.of_categories(n, seed, categories)

    def sample_code_grid(self, rows: int, columns: int, seed: int) -> Tensor:
        """Return images (rows * columns, C, H, W), a category in each row, a continuous code along it."""
        return self.sampler.grid(rows, columns, seed)


def code_loss(recovered: Tensor, codes: Tensor, categories: int) -> Tensor:
    """Return -E[log Q(c | x)], a scalar in float32, from codes and what was recovered of them, both (N, codes).

    Q is a categorical distribution times normal ones of variance 1, as in the authors' code (openai/InfoGAN). Minus
    this is the bound of the mutual information but for the entropy of the codes, which is constant (eq. 5).
    """
    recovered = promote_to_float32(recovered)
    codes = codes.to(recovered)
    categorical = cross_entropy(recovered[:, :categories], codes[:, :categories])
    squares = (recovered[:, categories:] - codes[:, categories:]).square() + math.log(2 * math.pi)
    return categorical + squares.sum(1).mean() / 2
