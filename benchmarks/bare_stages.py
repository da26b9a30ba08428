"""Bare PyTorch loops of LAPGAN and ProGAN, on copies of a game's networks."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bare_trained import Step, Trained, random_labels
from ganexp.layers.resampling.laplacian import doubled, halved
from ganexp.networks.progan import Stage
from ganexp.variants.lapgan import LAPGAN
from ganexp.variants.progan import ProGAN


def lapgan_step(game: LAPGAN, decay: float | None) -> Step:
    """Return a step of LAPGAN with the non-saturating loss: a pair of turns for each level, of random labels if any."""
    generators = {
        level: Trained(game.generator.levels[level], game.optimizer_of[f"generator_{level}"], decay)
        for level in game.levels
    }
    discriminators = {
        level: Trained(game.discriminator.levels[level], game.optimizer_of[f"discriminator_{level}"], None)
        for level in game.levels
    }

    def noise(number: int, n: int) -> Tensor:
        return torch.rand(n, game.generator.noise_sizes[number], device=game.device) * 2 - 1

    def fakes(number: int, level: str, labels: list[Tensor], n: int, coarser: Tensor | None) -> Tensor:
        network = generators[level].network
        if coarser is None:
            return network(noise(number, n), *labels)  # type: ignore[no-any-return]
        return coarser + network(noise(number, n), coarser, *labels)  # type: ignore[no-any-return]

    def step(real: Tensor) -> None:
        pyramid, labels, n = [real], random_labels(game, len(real)), len(real)
        for _ in game.levels[1:]:
            pyramid.insert(0, halved(pyramid[0]))
        for number, level in enumerate(game.levels):
            d, g, image = discriminators[level], generators[level], pyramid[number]
            coarser = doubled(pyramid[number - 1]) if number else None
            with torch.no_grad():
                fake = fakes(number, level, labels, n, coarser)
            d.minimize(softplus(-d.network(image, *labels)).mean() + softplus(d.network(fake, *labels)).mean())
            d.network.requires_grad_(False)
            g.minimize(softplus(-d.network(fakes(number, level, labels, n, coarser), *labels)).mean())
            d.network.requires_grad_(True)

    return step


def progan_step(game: ProGAN, decay: float | None) -> Step:
    """Return a step of WGAN-GP with the drift term on both networks at their last resolution."""
    d = Trained(game.discriminator, game.optimizer_of["discriminator"], None)
    g = Trained(game.generator, game.optimizer_of["generator"], decay)
    last = Stage(game.generator.steps)
    weight, drift = game.adversary.penalties["gradient_penalty"].weight, game.adversary.penalties["drift"].weight

    def step(real: Tensor) -> None:
        with torch.no_grad():
            fake = g.network(torch.randn(len(real), game.latent, device=real.device), last)
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        between = real.lerp(fake, share).requires_grad_()
        (gradient,) = torch.autograd.grad(d.network(between, last).sum(), between, create_graph=True)
        penalty = weight * (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        on_real, on_fake = d.network(real, last), d.network(fake, last)
        d.minimize(on_fake.mean() - on_real.mean() + penalty + drift * on_real.square().mean())
        d.network.requires_grad_(False)
        g.minimize(-d.network(g.network(torch.randn(len(real), game.latent, device=real.device), last), last).mean())
        d.network.requires_grad_(True)

    return step
