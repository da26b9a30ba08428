"""Bare PyTorch loops of the models with an encoder, on copies of a game's networks."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bare_trained import Step, Trained
from ganexp.variants.bigan import BiGAN
from ganexp.variants.vae import VAE
from ganexp.variants.vaegan import VAEGAN


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the mean divergence of codes from the prior."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return one latent of each code."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


def vae_step(game: VAE, decay: float | None) -> Step:
    """Return a step of the variational autoencoder with a normal likelihood."""
    trained = Trained(game.generator, game.optimizer_of["generator"], decay)
    std = game.likelihood.std  # type: ignore[attr-defined]

    def step(real: Tensor) -> None:
        mean, log_variance = trained.network.encoder(real)
        error = (0.5 * ((trained.network(drawn(mean, log_variance)) - real) / std).square()).flatten(1).sum(1).mean()
        trained.minimize(error + divergence(mean, log_variance))

    return step


def bigan_step(game: BiGAN, decay: float | None) -> Step:
    """Return a step of the bidirectional GAN with the non-saturating loss."""
    d = Trained(game.discriminator, game.optimizer_of["discriminator"], None)
    g = Trained(game.generator, game.optimizer_of["generator"], decay)

    def step(real: Tensor) -> None:
        latents = torch.rand(len(real), game.latent, device=real.device) * 2 - 1
        with torch.no_grad():
            fake, codes = g.network(latents), g.network.encoder(real)
        d.minimize(softplus(-d.network(real, codes)).mean() + softplus(d.network(fake, latents)).mean())
        d.network.requires_grad_(False)
        latents = torch.rand(len(real), game.latent, device=real.device) * 2 - 1
        on_real = d.network(real, g.network.encoder(real))
        on_fake = d.network(g.network(latents), latents)
        g.minimize(softplus(on_real).mean() + softplus(-on_fake).mean())
        d.network.requires_grad_(True)

    return step


def vaegan_step(game: VAEGAN, decay: float | None) -> Step:
    """Return a step of the VAE-GAN with the non-saturating loss, compared in the discriminator's last hidden layer."""
    d = Trained(game.discriminator, game.optimizer_of["discriminator"], None)
    e = Trained(game.encoder, game.optimizer_of["encoder"], decay)
    g = Trained(game.generator, game.optimizer_of["generator"], decay)

    def hidden(images: Tensor) -> Tensor:
        return d.network.layers[:-1](images)  # type: ignore[no-any-return]

    def distance(features: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = hidden(real)
        return 0.5 * (features - wanted).square().flatten(1).sum(1).mean()

    def fakes(real: Tensor) -> Tensor:
        with torch.no_grad():
            codes = drawn(*e.network(real))
        return g.network(torch.cat([codes, torch.randn_like(codes)]))  # type: ignore[no-any-return]

    def step(real: Tensor) -> None:
        with torch.no_grad():
            fake = fakes(real)
        # As many real images as fakes, as in the game.
        d.minimize(softplus(-d.network(torch.cat([real, real]))).mean() + softplus(d.network(fake)).mean())
        d.network.requires_grad_(False)
        g.network.requires_grad_(False)
        mean, log_variance = e.network(real)
        near = distance(hidden(g.network(drawn(mean, log_variance))), real)
        e.minimize(game.beta * divergence(mean, log_variance) + near)
        g.network.requires_grad_(True)
        fake = fakes(real)
        features = hidden(fake)
        logits = d.network.layers[-1](features).flatten()
        g.minimize(softplus(-logits).mean() + game.gamma * distance(features[: len(real)], real))
        d.network.requires_grad_(True)

    return step
