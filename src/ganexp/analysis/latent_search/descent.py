"""Descent of a distance to noise (arXiv 1609.03552, eq. 4) and to styles (arXiv 1912.04958, appendix D)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

# Of the authors' code for styles, NVlabs/stylegan2-ada-pytorch projector.py.
NOISE = 0.05
"""The noise of a style at first, as a share of the styles' spread."""
NOISY = 0.75
"""The share of the steps in which there is noise."""
RISING, FALLING = 0.05, 0.25
"""The shares of the steps in which the step size rises, at first, and falls, in the end."""

Generate = Callable[[Tensor], Tensor]
"""Maps latents (S, latent) to images (S, C, H, W) in [-1, 1], differentiably."""


def descended(
    generate: Generate, distance: Callable[[Tensor], Tensor], starts: Tensor, steps: int, rate: float, reach: float
) -> tuple[Tensor, Tensor]:
    """Return noise (S, latent) with a small distance, and the distances (S,), by Adam from several starts (S, latent).

    The best noise of all steps is kept, so that no result is worse than its start. Values stay within ``reach`` of 0.
    """
    noise = starts.clone().requires_grad_()
    optimizer = torch.optim.Adam([noise], lr=rate)
    best, least = starts.clone(), torch.full((len(starts),), math.inf, device=starts.device)
    for step in range(steps + 1):
        with torch.enable_grad():
            distances = distance(generate(noise))
            (gradient,) = torch.autograd.grad(distances.sum(), [noise])
        better = distances.detach() < least
        best[better], least[better] = noise.detach()[better], distances.detach()[better]
        if step < steps:
            noise.grad = gradient
            optimizer.step()
            with torch.no_grad():
                noise.clamp_(-reach, reach)
    return best, least


def annealed(
    generate: Generate,
    distance: Callable[[Tensor], Tensor],
    start: Tensor,
    steps: int,
    rate: float,
    spread: float,
    random: torch.Generator,
) -> Tensor:
    """Return a style (1, width) with a small distance, by Adam from a ``start`` (1, width) (arXiv 1912.04958, app. D).

    Noise, at first a share of the styles' ``spread``, falls to 0; the step size rises to ``rate`` and falls again.
    The result is the start if that is nearer.
    """
    style = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([style])
    for step in range(steps):
        done = step / steps
        optimizer.param_groups[0]["lr"] = rate * step_size(done)
        noise = torch.randn(start.shape, generator=random).to(start) * spread * noise_share(done)
        with torch.enable_grad():
            (style.grad,) = torch.autograd.grad(distance(generate(style + noise)).sum(), [style])
        optimizer.step()
    with torch.no_grad():
        before, after = (float(distance(generate(of))) for of in (start, style))
    return style.detach() if after < before else start


def step_size(done: float) -> float:
    """Return the share of the largest step size when a share of the steps is done."""
    falling = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - done) / FALLING))
    return falling * min(1.0, done / RISING)


def noise_share(done: float) -> float:
    """Return the noise of a style, as a share of the styles' spread, when a share of the steps is done."""
    return NOISE * max(0.0, 1 - done / NOISY) ** 2
