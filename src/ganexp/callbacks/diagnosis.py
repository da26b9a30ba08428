"""What is measured of a game's health, and what it means."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganexp.numerics.gradients import input_gradient, norm_per_image

Signs = Mapping[str, float]

POWER_ITERATIONS = 10


def accuracy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the share of pairs of a real and a fake image of which D tells the real one; 1/2 is guessing."""
    real, fake = per_image(real_logits), per_image(fake_logits)
    above = real.unsqueeze(1) - fake.unsqueeze(0)
    return (above > 0).float().mean() + (above == 0).float().mean() / 2


def value_function(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))], at most 0 (arXiv 1406.2661, eq. 1)."""
    log_sigmoid = nn.functional.logsigmoid
    return log_sigmoid(real_logits.float()).mean() + log_sigmoid(-fake_logits.float()).mean()


def jensen_shannon(value: Tensor) -> Tensor:
    """Return the divergence in nats that V implies if D is optimal: V = 2 JS - 2 log 2 (arXiv 1406.2661, th. 1)."""
    return value / 2 + math.log(2)


def lipschitz_estimate(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, between: Tensor) -> Tensor:
    """Return D's largest gradient norm at points between real and fake images, a lower bound of its constant.

    ``between`` (N,) in [0, 1] says where on the line of each pair.
    """
    points = fake + between.view(-1, *[1] * (real.ndim - 1)) * (real - fake)
    return norm_per_image(input_gradient(critic, points)).detach().max()


def spectral_norms(network: nn.Module) -> dict[str, Tensor]:
    """Return the largest singular value of each layer's weight as a matrix (out, in), by power iteration."""
    layers = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    return {name: largest_singular_value(m) for name, m in network.named_modules() if isinstance(m, layers)}


@torch.no_grad()
def largest_singular_value(layer: nn.Module) -> Tensor:
    """Return that of one layer's weight."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    matrix = (weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight).flatten(1).float()
    v = nn.functional.normalize(torch.ones(matrix.shape[1], device=matrix.device), dim=0)
    for _ in range(POWER_ITERATIONS):
        u = nn.functional.normalize(matrix @ v, dim=0)
        v = nn.functional.normalize(matrix.T @ u, dim=0)
    return (matrix @ v).norm()


def diversity(fake: Tensor, real: Tensor) -> Tensor:
    """Return the mean squared distance of two fakes over that of two real images; 0 is a single image, 1 is right."""
    # The mean over pairs of |x - y|^2 is twice the sum of the variances.
    return spread(fake) / spread(real).clamp(min=1e-12)


def spread(images: Tensor) -> Tensor:
    """Return the sum of the variances of all values of images (N, ...)."""
    return images.float().flatten(1).var(0).sum()


def evenness(counts: Tensor) -> Tensor:
    """Return the share of the modes (K,) that samples lie in, each counted by how much of them it has.

    The exponential of the entropy of the counts, over K: 1 if all have as many, 1/K if one has all, and hardly moved by
    a few strays.
    """
    shares = counts.double() / counts.sum()
    return torch.special.entr(shares).sum().exp() / len(counts)


def gradient_norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return the norm of all gradients together."""
    return global_norm([p.grad for p in parameters if p.grad is not None])


def global_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the norm of all tensors together."""
    return torch.stack(torch._foreach_norm(list(tensors))).norm() if tensors else torch.zeros(())


def per_image(logits: Tensor) -> Tensor:
    """Return one logit an image (N,), the mean of a patch discriminator's."""
    return logits.float().flatten(1).mean(1) if logits.ndim > 1 else logits.float()


@dataclass(frozen=True)
class Finding:
    """An illness and the evidence for it, in one line, with what may help."""

    illness: str
    text: str


HISTORY = 3
"""How many checks in a row must agree before something is said."""
FIRST = 10
"""Nothing is said before so many checks: every generator begins with one blurred image."""


def findings(history: Sequence[Signs]) -> Iterator[Finding]:
    """Yield what the checks so far show, the latest last."""
    if len(history) >= FIRST:
        for illness in (vanishing_gradient, mode_collapse, steep_discriminator):
            finding = illness(history)
            if finding is not None:
                yield finding


GENERATOR_GRADIENT = "gradient_norm/generator"
STRONG = 0.97
VANISHED = 20.0


def vanishing_gradient(history: Sequence[Signs]) -> Finding | None:
    """D tells every fake, and the generator's gradient is a small part of what it was (arXiv 1701.04862, th. 2.4)."""
    told = [signs["accuracy"] for signs in history[-HISTORY:]]
    # Checks before the generator's first turn have no gradient of its.
    moved = [signs for signs in history if GENERATOR_GRADIENT in signs]
    gradients = [signs[GENERATOR_GRADIENT] for signs in moved]
    if len(gradients) < 2 * HISTORY:
        return None
    before, now = max(gradients), statistics.median(gradients[-HISTORY:])
    if min(told) < STRONG or now * VANISHED > before:
        return None
    images = history[-1]["images"] - moved[gradients.index(before)]["images"]
    fall = f"{before / now:,.0f} times" if now > 0 else "to 0"
    return Finding(
        "vanishing gradient",
        f"the generator's gradient fell {fall} in {images:,.0f} images while D tells {min(told):.0%} of fakes from "
        "real: D is too strong; try normalization=spectral, loss=nonsaturating or hinge, or fewer model.critic_steps",
    )


COLLAPSED = 0.2
LOST = 0.5


def mode_collapse(history: Sequence[Signs]) -> Finding | None:
    """Fakes are much more alike than real images, or modes or classes are missing."""
    alike, once_alike = lately_and_ever(history, "diversity")
    modes, once_modes = lately_and_ever(history, "modes_evenness")
    # What was never good may still become so in the first half of a run.
    late = len(history) >= 2 * FIRST
    if alike < COLLAPSED and (late or alike < once_alike / 2):
        evidence = f"samples differ from each other {alike:.0%} as much as real images do"
    elif modes < LOST and (late or modes < once_modes / 2):
        evidence = f"samples lie in {modes:.0%} of the modes or classes, weighted by their samples"
    else:
        return None
    return Finding(
        "mode collapse",
        f"{evidence}: G has collapsed; try penalty=gradient_penalty normalization=batch_in_generator, "
        "normalization=spectral, or a lower learning rate",
    )


def lately_and_ever(history: Sequence[Signs], name: str) -> tuple[float, float]:
    """Return the largest value of a sign in the last checks, and in all; 1 where it was not taken."""
    values = [signs.get(name, 1.0) for signs in history]
    return max(values[-HISTORY:]), max(values)


STEEPER = 100.0


def steep_discriminator(history: Sequence[Signs]) -> Finding | None:
    """D's slope has grown beyond all bounds."""
    slopes = [signs["lipschitz"] for signs in history]
    before, now = statistics.median(slopes[:HISTORY]), statistics.median(slopes[-HISTORY:])
    if now < STEEPER * max(before, 1.0):
        return None
    return Finding(
        "steep discriminator",
        f"D's slope grew from {before:.3g} to {now:.3g} between real and fake images: nothing holds its Lipschitz "
        "constant; try normalization=spectral, or penalty=r1 normalization=batch_in_generator",
    )
