"""Bare PyTorch loop of StyleGAN2, on copies of a game's networks."""

import copy

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bare_trained import Step, Trained, random_labels
from ganexp.layers.style_mapping import mixed
from ganexp.penalties.path_length import path_lengths
from ganexp.variants.stylegan2 import StyleGAN2


def stylegan2_step(game: StyleGAN2, decay: float | None) -> Step:
    """Return a step with style mixing, the non-saturating loss, and lazy R1 and path lengths in steps of their own."""
    d = Trained(game.discriminator, game.optimizer_of["discriminator"], None)
    g = Trained(game.generator, game.optimizer_of["generator"], decay)
    r1, path_length = game.adversary.penalties["r1"], copy.deepcopy(game.path_length)
    assert path_length is not None
    mapping, synthesis = g.network.mapping, g.network.synthesis
    seen = 0

    def latents(n: int) -> Tensor:
        return torch.randn(n, game.latent, device=game.device)

    def styles(n: int, labels: list[Tensor], follow: bool = False) -> Tensor:
        first, second = mapping(latents(n), *labels), mapping(latents(n), *labels)
        if follow:
            mapping.follow(first)
        layers = synthesis.layers
        is_mixed = torch.rand((), device=game.device) < game.mixing
        crossover = torch.where(is_mixed, torch.randint(1, layers, (), device=game.device), layers)
        return mixed(first, second, crossover, layers)

    def images(of: Tensor) -> Tensor:
        return synthesis(of, torch.randn(len(of), synthesis.pixels, device=game.device))  # type: ignore[no-any-return]

    def step(real: Tensor) -> None:
        nonlocal seen
        labels = random_labels(game, len(real))
        with torch.no_grad():
            fake = images(styles(len(real), labels))
        d.minimize(softplus(-d.network(real, *labels)).mean() + softplus(d.network(fake, *labels)).mean())
        if seen % r1.every == 0:
            judged = real.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(d.network(judged, *labels).sum(), judged, create_graph=True)
            d.minimize(r1.every * float(r1.weight) / 2 * gradient.square().flatten(1).sum(1).mean())
        d.network.requires_grad_(False)
        regularizes = seen % path_length.every == 0
        made = images(styles(len(real), labels, follow=True))
        g.minimize(softplus(-d.network(made, *labels)).mean(), averages=not regularizes)
        if regularizes:
            count = len(real) // path_length.shrink
            of = styles(count, [label[:count] for label in labels])
            made = images(of)
            g.minimize(path_length(path_lengths(made, of, torch.randn_like(made))))
        d.network.requires_grad_(True)
        seen += 1

    return step
