"""Signs of a game's health, and the findings that follow from them."""

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
    """Return the share of pairs of a real and a fake image in which D ranks the real one higher; 1/2 is chance."""
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
    """Return D's largest gradient norm between real and fake images, a lower bound of its Lipschitz constant.

    ``between`` (N,) in [0, 1] is the position of the point on the line of each pair.
    """
    points = fake + between.view(-1, *[1] * (real.ndim - 1)) * (real - fake)
    return norm_per_image(input_gradient(critic, points)).detach().max()


def spectral_norms(network: nn.Module) -> dict[str, Tensor]:
    """Return the largest singular value of each layer's weight as a matrix (out, in), by power iteration."""
    layers = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    return {name: largest_singular_value(m) for name, m in network.named_modules() if isinstance(m, layers)}


@torch.no_grad()
def largest_singular_value(layer: nn.Module) -> Tensor:
    """Return the largest singular value of one layer's weight."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    matrix = (weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight).flatten(1).float()
    v = nn.functional.normalize(torch.ones(matrix.shape[1], device=matrix.device), dim=0)
    for _ in range(POWER_ITERATIONS):
        u = nn.functional.normalize(matrix @ v, dim=0)
        v = nn.functional.normalize(matrix.T @ u, dim=0)
    output: Tensor = (matrix @ v).norm()
    return output


def diversity(fake: Tensor, real: Tensor) -> Tensor:
    """Return the ratio of the mean squared distances of fake and of real pairs; 0 is a single image, 1 is ideal."""
    # The mean over pairs of |x - y|^2 is twice the sum of the variances.
    return spread(fake) / spread(real).clamp(min=1e-12)


def spread(images: Tensor) -> Tensor:
    """Return the sum over pixels of the variance over images (N, ...)."""
    return images.float().flatten(1).var(0).sum()


def evenness(counts: Tensor) -> Tensor:
    """Return the effective share of modes covered, from the number of samples in each mode (K,).

    The exponential of the entropy of the counts, over K: 1 for equal counts, 1/K if one mode has all samples, and
    hardly changed by a few outliers.
    """
    shares = counts.double() / counts.sum()
    output: Tensor = torch.special.entr(shares).sum().exp() / len(counts)
    return output


def gradient_norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return the global norm of the gradients."""
    return global_norm([p.grad for p in parameters if p.grad is not None])


def global_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the global norm of tensors."""
    return torch.stack(torch._foreach_norm(list(tensors))).norm() if tensors else torch.zeros(())


def per_image(logits: Tensor) -> Tensor:
    """Return one logit per image (N,), the mean over a patch discriminator's."""
    return logits.float().flatten(1).mean(1) if logits.ndim > 1 else logits.float()


@dataclass(frozen=True)
class Finding:
    """An illness, and one line with its evidence and a suggestion."""

    illness: str
    text: str


AGREEING_CHECKS = 3
"""The number of consecutive checks that must agree before a finding is reported."""
FIRST_CHECKS = 10
"""The number of checks without findings, as every generator starts with one blurred image."""


def findings(history: Sequence[Signs], generators: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the findings of the checks so far, given in order.

    ``generators`` are the players that make fakes, each with what follows ``accuracy`` in the name of its
    discriminator's sign.
    """
    if len(history) < FIRST_CHECKS:
        return
    of_generators = (vanishing_gradient(history, *named, alone=len(generators) == 1) for named in generators.items())
    for finding in (*of_generators, mode_collapse(history), steep_discriminator(history)):
        if finding is not None:
            yield finding


STRONG = 0.97
VANISHED = 20.0


def vanishing_gradient(history: Sequence[Signs], generator: str, suffix: str, alone: bool) -> Finding | None:
    """D detects every fake, and a generator's gradient has nearly vanished (arXiv 1701.04862, th. 2.4)."""
    accuracy, gradient = f"accuracy{suffix}", f"gradient_norm/{generator}"
    # Checks before the generator's first turn have no gradient of it.
    trained = [signs for signs in history if accuracy in signs and gradient in signs]
    gradients = [signs[gradient] for signs in trained]
    if len(gradients) < 2 * AGREEING_CHECKS:
        return None
    accuracies = [signs[accuracy] for signs in trained[-AGREEING_CHECKS:]]
    earlier, latest = gradients[:-AGREEING_CHECKS], gradients[-AGREEING_CHECKS:]
    before, now = max(earlier), statistics.median(latest)
    if min(accuracies) < STRONG or now * VANISHED > before:
        return None
    images = history[-1]["images"] - trained[gradients.index(before)]["images"]
    owner = "the generator's" if alone else f"{generator}'s"
    drop = f"{before / now:,.0f} times" if now > 0 else "to 0"
    return Finding(
        "vanishing gradient" if alone else f"vanishing gradient of {generator}",
        f"{owner} gradient fell {drop} in {images:,.0f} images while D separates {min(accuracies):.0%} of "
        "fakes from real images: D is too strong; try normalization=spectral, loss=nonsaturating or hinge, or fewer "
        "model.critic_steps",
    )


COLLAPSED = 0.2
LOST = 0.5


def mode_collapse(history: Sequence[Signs]) -> Finding | None:
    """Fakes are much more similar to each other than real images, or modes or classes are missing."""
    diversity_now, best_diversity = recent_and_overall_max(history, "diversity")
    evenness_now, best_evenness = recent_and_overall_max(history, "modes_evenness")
    # A sign that was never good may still become so early on.
    late = len(history) >= 2 * FIRST_CHECKS
    if diversity_now < COLLAPSED and (
        (late and not rising(history, "diversity")) or diversity_now < best_diversity / 2
    ):
        evidence = f"samples differ from each other only {diversity_now:.0%} as much as real images do"
    elif evenness_now < LOST and (late or evenness_now < best_evenness / 2):
        evidence = f"samples cover {evenness_now:.0%} of the modes or classes, weighted by their samples"
    else:
        return None
    return Finding(
        "mode collapse",
        f"{evidence}: G has collapsed; try penalty=gradient_penalty normalization=batch_in_generator, "
        "normalization=spectral, or a lower learning rate",
    )


RISING = 1.25


def rising(history: Sequence[Signs], name: str) -> bool:
    """Return whether a sign's latest checks are above all of the first half: it may yet become good."""
    values = [signs.get(name, 1.0) for signs in history]
    return statistics.median(values[-AGREEING_CHECKS:]) > RISING * max(values[: len(values) // 2])


def recent_and_overall_max(history: Sequence[Signs], name: str) -> tuple[float, float]:
    """Return the largest value of a sign in the latest checks, and in all; 1 where it was not measured."""
    values = [signs.get(name, 1.0) for signs in history]
    return max(values[-AGREEING_CHECKS:]), max(values)


STEEPER = 100.0


def steep_discriminator(history: Sequence[Signs]) -> Finding | None:
    """D's gradient norm between real and fake images has grown without bound."""
    slopes = [signs["lipschitz"] for signs in history]
    before, now = statistics.median(slopes[:AGREEING_CHECKS]), statistics.median(slopes[-AGREEING_CHECKS:])
    if now < STEEPER * max(before, 1.0):
        return None
    return Finding(
        "steep discriminator",
        f"D's slope grew from {before:.3g} to {now:.3g} between real and fake images: nothing bounds its Lipschitz "
        "constant; try normalization=spectral, or penalty=r1 normalization=batch_in_generator",
    )
