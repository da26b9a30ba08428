"""Effect of dropping a generator's feature maps on an object and on the rest (arXiv 1511.06434, section 6.3.1)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ganexp.numerics.randomness import generator as rng


@contextmanager
def without_maps(convolution: nn.Module, maps: Tensor) -> Iterator[None]:
    """Replace the input maps with indices (K,) of a convolution by zeros, at all positions."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        masked = inputs[0].clone()
        masked[:, maps.to(masked.device)] = 0
        return (masked, *inputs[1:])

    handle = convolution.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True)
class MarkedSamples:
    """Samples (N, C, H, W) in which the pixels of an object are marked.

    ``inside`` (N, H, W), bool, are the pixels on the object, ``outside`` those that it is compared with; ``present``
    (N,), bool, are the samples that contain it. ``detect`` maps images of the same samples to whether they contain it,
    bool (N,). ``classify``, if given, maps images to classes (N,).
    """

    images: Tensor
    inside: Tensor
    outside: Tensor
    present: Tensor
    detect: Callable[[Tensor], Tensor]
    classify: Callable[[Tensor], Tensor] | None = None
    name: str = "the object"


@dataclass(frozen=True)
class Effect:
    """Effect of dropping feature maps.

    ``detected`` is the share of samples with the object in which it is still detected, ``rest_change`` the root mean
    square change of the pixels beside it, and ``others_kept`` the share of the other samples that keep their class,
    None without a classifier.
    """

    detected: float
    rest_change: float
    others_kept: float | None


def effect(generate: Callable[[], Tensor], convolution: nn.Module, maps: Tensor, samples: MarkedSamples) -> Effect:
    """Return the effect of dropping input maps (K,) of a convolution on the samples that ``generate`` returns."""
    with without_maps(convolution, maps):
        after = generate()
    change = (after - samples.images).square().mean(1)[~samples.inside].mean().sqrt()
    others = ~samples.present
    others_kept = None
    if samples.classify is not None and others.any():
        same_class = samples.classify(after) == samples.classify(samples.images)
        others_kept = float(same_class[others].double().mean())
    return Effect(float(samples.detect(after)[samples.present].double().mean()), float(change), others_kept)


@dataclass(frozen=True)
class Ablation:
    """Effects of dropping the maps that draw the object, largest weights first, and as many random maps.

    ``dropped`` are the numbers of maps; ``random`` has the effects of several random choices for each number.
    """

    dropped: list[int]
    targeted: list[Effect]
    random: list[list[Effect]]


def ablate(
    generate: Callable[[], Tensor],
    convolution: nn.Module,
    channels: int,
    maps: Tensor,
    samples: MarkedSamples,
    counts: int = 6,
    draws: int = 10,
    seed: int = 0,
) -> Ablation:
    """Drop more and more of a convolution's input maps, up to all maps (K,) that draw the object.

    ``counts`` is the number of ablations, and ``draws`` the number of random choices of as many of all ``channels``.
    """
    most = len(maps)
    dropped = torch.linspace(0, most, min(counts, most) + 1).round().long().unique()[1:].tolist()
    targeted = [effect(generate, convolution, maps[:count], samples) for count in dropped]
    orders = [torch.randperm(channels, generator=rng(seed, "dropped maps", draw)) for draw in range(draws)]
    random = [[effect(generate, convolution, order[:count], samples) for order in orders] for count in dropped]
    return Ablation(dropped, targeted, random)


def plot_ablation(ablation: Ablation) -> Figure:
    """Draw the share of objects still detected, and the effect on the rest, against the number of dropped maps."""
    panels = {"objects still detected": "detected", "change of the other pixels (RMS)": "rest_change"}
    if ablation.targeted and ablation.targeted[0].others_kept is not None:
        panels["other samples that keep their class"] = "others_kept"
    figure = Figure(figsize=(4 * len(panels), 3.5), layout="constrained")
    for axis, (title, field) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        random = torch.tensor([[getattr(effect, field) for effect in draws] for draws in ablation.random])
        axis.plot(
            ablation.dropped, [getattr(effect, field) for effect in ablation.targeted], "o-", label="maps that draw it"
        )
        axis.errorbar(
            ablation.dropped, random.mean(1), random.std(1), fmt="s--", capsize=3, label="as many random maps"
        )
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("maps dropped")
        axis.set_ylim(0, 1.05 * axis.dataLim.ymax or 1)
        axis.legend(fontsize=8)
    return figure
