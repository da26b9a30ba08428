"""Feature ablation: dropping the feature maps that draw an object (arXiv 1511.06434, section 6.3.1)."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import last_convolution

MOST_POSITIONS = 20_000  # that the regression is fit on


def second_highest(generator: nn.Module, run: Callable[[], Any]) -> nn.Module:
    """Return the convolution that turns the second-highest layer's maps into the image.

    ``run`` runs the generator once. Raises ValueError for a generator without convolutions.
    """
    convolution = last_convolution(generator, run)
    if convolution is None:
        raise ValueError("this generator has no convolutions, so no feature maps")
    return convolution


@contextmanager
def without_maps(convolution: nn.Module, maps: Tensor) -> Iterator[None]:
    """Let a convolution see zeros in place of the maps with these numbers (K,), at all positions."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        kept = inputs[0].clone()
        kept[:, maps.to(kept.device)] = 0
        return (kept, *inputs[1:])

    handle = convolution.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def maps_before(convolution: nn.Module, run: Callable[[], Any]) -> Tensor:
    """Return the maps (N, C, H, W) that a convolution is given while ``run`` runs the generator, perhaps in parts."""
    parts: list[Tensor] = []
    handle = convolution.register_forward_pre_hook(
        lambda module, inputs: parts.append(inputs[0].detach().float().cpu())
    )
    try:
        run()
    finally:
        handle.remove()
    return torch.cat(parts)


@dataclass(frozen=True)
class Drawing:
    """How much each feature map draws an object: the weights (C,) of a logistic regression on its maps.

    ``accuracy`` is the regression's balanced accuracy on positions inside and outside the object.
    """

    weights: Tensor
    accuracy: float

    @property
    def maps(self) -> Tensor:
        """The maps (K,) with positive weights, the largest first."""
        return self.weights.argsort(descending=True)[: int((self.weights > 0).sum())]


def drawing_maps(maps: Tensor, inside: Tensor, outside: Tensor, strength: float = 1.0, seed: int = 0) -> Drawing:
    """Return which of the maps (N, C, H, W) draw an object, by logistic regression of a position's being on it.

    ``inside`` and ``outside`` (N, H', W'), bool, say of each pixel whether it is on the object or to be compared with
    it. A position of a map is inside if any of its pixels is, and outside if all are to be compared (or some are, where
    no position is full of such). Maps are scaled to unit variance. ``strength`` is the inverse of the L2
    regularization. Raises ValueError without positions of a kind.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    size = maps.shape[2:]
    on = adaptive_max_pool2d(inside.float()[:, None], size)[:, 0] > 0
    touched = ~on & (adaptive_max_pool2d(outside.float()[:, None], size)[:, 0] > 0)
    filled = touched & (adaptive_max_pool2d((~outside).float()[:, None], size)[:, 0] == 0)
    off = filled if filled.any() else touched
    if not on.any() or not off.any():
        raise ValueError(
            f"{int(on.sum())} positions of the maps lie inside and {int(off.sum())} outside; both are needed"
        )
    values = maps.movedim(1, 3)
    rows = torch.cat([values[on], values[off]])
    answer = torch.cat([torch.ones(int(on.sum())), torch.zeros(int(off.sum()))])
    chosen = torch.randperm(len(rows), generator=rng(seed, "positions"))[:MOST_POSITIONS]
    rows, answer = rows[chosen], answer[chosen]
    spread = rows.std(0)
    scaled = ((rows - rows.mean(0)) / spread.where(spread > 0, torch.ones(()))).numpy()
    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(scaled, answer.numpy())
    predicted = torch.from_numpy(regression.predict(scaled))
    right = [float((predicted[answer == kind] == kind).double().mean()) for kind in (0, 1)]
    return Drawing(torch.from_numpy(regression.coef_[0]).float(), sum(right) / 2)


def strokes(images: Tensor) -> Tensor:
    """Return which pixels of images (N, C, H, W) in [-1, 1] stand out from the background, bool (N, H, W).

    The background is each image's median; a pixel stands out by more than a third of the image's largest distance.
    """
    distance = (images - images.flatten(2).median(2).values[:, :, None, None]).abs().mean(1)
    return distance > distance.flatten(1).amax(1)[:, None, None] / 3


@dataclass(frozen=True)
class Seen:
    """Samples (N, C, H, W) from which an object is to be removed.

    ``inside`` and ``outside`` (N, H, W), bool, say which pixels are on it and which are to be compared with it,
    ``present`` (N,) which samples hold it. ``detect`` says of images of the same samples which still do. ``kinds``, if
    given, says what else (N,) images show, to tell whether the others stay what they are.
    """

    images: Tensor
    inside: Tensor
    outside: Tensor
    present: Tensor
    detect: Callable[[Tensor], Tensor]
    kinds: Callable[[Tensor], Tensor] | None = None
    name: str = "the object"


@dataclass(frozen=True)
class Effect:
    """The effect of dropping maps.

    The share of samples that still hold the object, of those that did; by how much the other pixels change, root mean
    square; the share of the other samples that stay what they are, None if nothing tells.
    """

    detected: float
    rest_change: float
    others_kept: float | None


def effect(generate: Callable[[], Tensor], convolution: nn.Module, maps: Tensor, seen: Seen) -> Effect:
    """Return what dropping maps (K,) before a convolution does to the samples that ``generate`` makes."""
    with without_maps(convolution, maps):
        after = generate()
    change = (after - seen.images).square().mean(1)[~seen.inside].mean().sqrt()
    others = ~seen.present
    kept = None
    if seen.kinds is not None and others.any():
        kept = float((seen.kinds(after) == seen.kinds(seen.images))[others].double().mean())
    return Effect(float(seen.detect(after)[seen.present].double().mean()), float(change), kept)


@dataclass(frozen=True)
class Ablation:
    """The effects of dropping the maps that draw the object most, and as many random ones in several draws."""

    dropped: list[int]
    drawing: list[Effect]
    random: list[list[Effect]]


def ablate(
    generate: Callable[[], Tensor],
    convolution: nn.Module,
    channels: int,
    drawing: Drawing,
    seen: Seen,
    counts: int = 6,
    draws: int = 10,
    seed: int = 0,
) -> Ablation:
    """Return what dropping more and more of the channels before a convolution does, up to all that draw the object."""
    most = len(drawing.maps)
    dropped = torch.linspace(0, most, min(counts, most) + 1).round().long().unique()[1:].tolist()
    chosen = [effect(generate, convolution, drawing.maps[:count], seen) for count in dropped]
    orders = [torch.randperm(channels, generator=rng(seed, "dropped maps", draw)) for draw in range(draws)]
    random = [[effect(generate, convolution, order[:count], seen) for order in orders] for count in dropped]
    return Ablation(dropped, chosen, random)


def plot_ablation(ablation: Ablation) -> Figure:
    """Draw against the number of dropped maps the share of remaining objects, and the effect on the rest."""
    panels = {"objects still detected": "detected", "change of the rest (RMS)": "rest_change"}
    if ablation.drawing and ablation.drawing[0].others_kept is not None:
        panels["other samples that stay what they are"] = "others_kept"
    figure = Figure(figsize=(4 * len(panels), 3.5), layout="constrained")
    for axis, (title, field) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        random = torch.tensor([[getattr(effect, field) for effect in draws] for draws in ablation.random])
        axis.plot(
            ablation.dropped, [getattr(effect, field) for effect in ablation.drawing], "o-", label="maps that draw it"
        )
        axis.errorbar(ablation.dropped, random.mean(1), random.std(1), fmt="s--", capsize=3, label="as many at random")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("maps dropped")
        axis.set_ylim(0, 1.05 * axis.dataLim.ymax or 1)
        axis.legend(fontsize=8)
    return figure
