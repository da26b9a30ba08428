"""Bare PyTorch loops of GANs whose discriminator has a second head: InfoGAN, SSGAN, ContraGAN and ReACGAN."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bare_trained import Step, Trained
from ganexp.variants.embedding import EmbeddingGAN
from ganexp.variants.gan import GAN
from ganexp.variants.infogan import InfoGAN, code_loss
from ganexp.variants.rotation import RotationGAN

Inputs = tuple[Tensor, ...]
"""What a generator is given: noise (N, latent) and, where there are classes, labels (N,)."""
Judge = Callable[[Tensor, Inputs], tuple[Tensor, Tensor]]
"""From images (N, C, H, W) and the inputs that they were made of to logits (N,) and a further term, a scalar."""


def two_player_step(
    game: GAN, d: Trained, decay: float | None, draw: Callable[[int], Inputs], real_judge: Judge, judges: list[Judge]
) -> Step:
    """Return a step of a discriminator and a generator, with the judges of real images and of fakes in both turns."""
    g = Trained(game.generator, game.optimizer_of["generator"], decay)
    in_d, in_g = judges
    seen = 0

    def step(real: Tensor) -> None:
        nonlocal seen
        seen += 1
        inputs = draw(len(real))
        with torch.no_grad():
            fake = g.network(*inputs)
        (on_real, real_term), (on_fake, fake_term) = real_judge(real, inputs), in_d(fake, inputs)
        d.minimize(game.loss.discriminator(on_real, on_fake) + real_term + fake_term)
        if seen % game.critic_steps:
            return
        d.network.requires_grad_(False)
        inputs = draw(len(real))
        logits, term = in_g(g.network(*inputs), inputs)
        g.minimize(game.loss.generator(logits, lambda: real_judge(real, inputs)[0]) + term)
        d.network.requires_grad_(True)

    return step


def trained_discriminator(game: GAN) -> Trained:
    """Return a copy of the discriminator with its optimizer."""
    return Trained(game.discriminator, game.optimizer_of["discriminator"], None)


def noise_of(game: GAN, n: int) -> Tensor:
    """Return fresh noise (n, latent)."""
    return game.noise((n, game.latent), torch.default_generator)


def infogan_step(game: InfoGAN, decay: float | None) -> Step:
    """Return a step in which both players also recover the codes of fakes."""
    d = trained_discriminator(game)

    def plain(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        return d.network(images)[0], torch.zeros(())

    def recovering(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        logits, recovered = d.network(images)
        codes = inputs[0][:, : game.categories + game.continuous]
        return logits, game.information * code_loss(recovered, codes, game.categories)

    return two_player_step(game, d, decay, lambda n: (noise_of(game, n),), plain, [recovering, recovering])


def ssgan_step(game: RotationGAN, decay: float | None) -> Step:
    """Return a step in which a quarter of the images is rotated in all four ways."""
    d = trained_discriminator(game)

    def plain(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        return d.network(images)[0], torch.zeros(())

    def rotating(weight: float) -> Judge:
        def judge(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
            part = images[::4]
            recognized = d.network(torch.cat([part.rot90(turns, (2, 3)) for turns in range(4)]))[1]
            term = cross_entropy(recognized, torch.arange(4).repeat_interleave(len(part)))
            return d.network(images)[0], weight * term

        return judge

    judges = [plain, rotating(game.fake_rotation)]
    return two_player_step(game, d, decay, lambda n: (noise_of(game, n),), rotating(game.real_rotation), judges)


def embedding_step(game: EmbeddingGAN, decay: float | None) -> Step:
    """Return a step in which embeddings of images are compared by their classes."""
    d = trained_discriminator(game)

    def labels(n: int) -> Tensor:
        return torch.randint(game.num_classes, (n,))

    def plain(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        return d.network(images)[0], torch.zeros(())

    def comparing(images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        logits, embeddings = d.network(images)
        return logits, game.conditioning_weight * game.conditioning(embeddings, d.network.proxies(label), label)

    def real_judge(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        return comparing(images, labels(len(images)))

    def fake_judge(images: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        return comparing(images, inputs[1])

    return two_player_step(game, d, decay, lambda n: (noise_of(game, n), labels(n)), real_judge, [plain, fake_judge])
