"""Guided backpropagation of a discriminator's features (arXiv 1412.6806; 1511.06434, figure 5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ganexp.analysis.discriminators import Ask, examples, settle
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import tiled
from ganexp.representations.feature_maps import noted_maps

RECTIFIERS = (nn.ReLU, nn.LeakyReLU)
BATCH = 64


class Guided(torch.autograd.Function):
    """A rectifier's output as it is; backwards only where its input and the gradient are both positive."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, output: Tensor) -> Tensor:
        """Return the output."""
        ctx.save_for_backward(inputs > 0)
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the guided gradient of the input."""
        (active,) = ctx.saved_tensors
        return gradients[0] * (active & (gradients[0] > 0)), None


@contextmanager
def guided(network: nn.Module) -> Iterator[None]:
    """Let gradients pass the network's ReLUs and leaky ReLUs as in guided backpropagation; its outputs stay the same.

    A leaky one passes nothing where its input is negative, like a ReLU.
    """

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        guided_output: Tensor = Guided.apply(inputs[0], output.detach())
        return guided_output

    handles = [module.register_forward_hook(hook) for module in network.modules() if isinstance(module, RECTIFIERS)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def guided_gradients(
    network: nn.Module,
    layer: str,
    images: Tensor,
    features: Tensor,
    labels: Tensor | None = None,
    run: Ask | None = None,
) -> Tensor:
    """Return what in each image (N, C, H, W) makes its feature (N,) of a layer answer most, (N, C, H, W).

    It is the guided gradient of the feature's largest value in its map.
    """
    seen = images.clone().requires_grad_()
    with torch.enable_grad(), guided(network), noted_maps(network) as noted:
        (run or plain(network))(seen, labels)
        maps = noted[layer]
        chosen = maps[torch.arange(len(maps), device=maps.device), features.to(maps.device)]
        (gradient,) = torch.autograd.grad(chosen.flatten(1).amax(1).sum(), seen)
    return gradient


@dataclass(frozen=True)
class Layer:
    """A layer's features: guided gradients for their top images, and measures of selectivity.

    ``gradients`` are guided gradients (features, best, C, H, W). ``kurtosis`` is the excess kurtosis of a feature's
    answers over images and positions, the mean over all features that answer at all: 0 for a normal distribution, large
    for features that answer rarely and then strongly. ``class_share`` is the share of the variance of a feature's
    largest answer in an image that the image's class explains, None without labels. ``silent`` is the share of
    features that answer nothing, or the same, to all images.
    """

    name: str
    gradients: Tensor
    kurtosis: float | None
    class_share: float | None
    silent: float


def look_at(
    network: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    layers: int = 4,
    features: int = 6,
    best: int = 6,
    run: Ask | None = None,
) -> list[Layer]:
    """Return N of a discriminator's layers, first to last, with the first active features of each.

    Images are (N, C, H, W) in [-1, 1], labels (N,) or None. ``best`` is how many of the images are looked at to which a
    feature answers most. Raises ValueError if the network has no maps behind a ReLU or leaky ReLU.
    """
    run = run or plain(network)
    largest, moments = answers(network, images, labels, run)
    if not largest:
        raise ValueError("this network has no feature maps behind a ReLU or leaky ReLU")
    names = list(largest)
    spaced = torch.linspace(0, len(names) - 1, min(layers, len(names))).round().long().unique()
    return [
        layer_of(network, names[n], largest[names[n]], moments[names[n]], images, labels, features, best, run)
        for n in spaced.tolist()
    ]


@torch.no_grad()
def answers(
    network: nn.Module, images: Tensor, labels: Tensor | None, run: Ask
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return by layer each feature's largest answer in each image (N, C), and its mean powers 1 to 4 (4, C)."""
    largest: dict[str, list[Tensor]] = {}
    powers: dict[str, Tensor] = {}
    for positions in torch.arange(len(images)).split(BATCH):
        with noted_maps(network, kinds=RECTIFIERS) as noted:
            run(images[positions], None if labels is None else labels[positions])
        for name, maps in noted.items():
            largest.setdefault(name, []).append(maps.amax((2, 3)).float().cpu())
            values = maps.double().transpose(0, 1).flatten(1).cpu()
            sums = torch.stack([(values**power).mean(1) for power in (1, 2, 3, 4)]) * len(positions) / len(images)
            powers[name] = powers.get(name, torch.zeros(())) + sums
    return {name: torch.cat(parts) for name, parts in largest.items()}, powers


def layer_of(
    network: nn.Module,
    name: str,
    largest: Tensor,
    powers: Tensor,
    images: Tensor,
    labels: Tensor | None,
    features: int,
    best: int,
    run: Ask,
) -> Layer:
    """Return the results of `look_at` for one layer."""
    variance = powers[1] - powers[0] ** 2
    lively = variance > 1e-12 * powers[1].clamp(min=1e-30)
    chosen = lively.nonzero().flatten()[:features]
    top = largest[:, chosen].topk(min(best, len(images)), dim=0).indices.T
    rows = top.flatten()
    gradients = [
        guided_gradients(network, name, images[some], feature, None if labels is None else labels[some], run)
        for some, feature in zip(rows.split(BATCH), chosen.repeat_interleave(top.shape[1]).split(BATCH), strict=True)
    ] or [images[:0]]
    shaped = torch.cat(gradients).detach().cpu().unflatten(0, (len(chosen), top.shape[1]))
    m1, m2, m3, m4 = powers[:, lively]
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    kurtosis = float((fourth / variance[lively] ** 2 - 3).mean()) if len(chosen) else None
    share = None if labels is None or not len(chosen) else explained(largest[:, lively], labels.cpu())
    return Layer(name, shaped, kurtosis, share, 1 - float(lively.double().mean()))


def explained(values: Tensor, labels: Tensor) -> float:
    """Return the share of the variance of values (N, C) that labels (N,) explain, the mean over C."""
    centred = values.double() - values.double().mean(0)
    classes = torch.nn.functional.one_hot(labels.long()).double()
    means = (classes.T @ centred) / classes.sum(0).clamp(min=1)[:, None]
    between = (classes.sum(0)[:, None] * means**2).sum(0)
    return float((between / (centred**2).sum(0).clamp(min=1e-30)).mean())


def plain(network: nn.Module) -> Ask:
    """Return a function that runs a network on images alone."""
    return lambda images, labels: network(images)


def plot_filters(random: list[Layer], trained: list[Layer]) -> Figure:
    """Draw guided gradients of random filters, left, and of trained ones: a row a feature, a column an image."""
    figure = Figure(figsize=(7, 3.4 * len(trained)), layout="constrained")
    rows = figure.subplots(len(trained), 2, squeeze=False)
    for axes, *layers in zip(rows, random, trained, strict=True):
        for axis, layer, title in zip(axes, layers, ("random", "trained"), strict=True):
            axis.imshow(tiles(layer.gradients))
            axis.set_title(f"{title} {layer.name}", fontsize=9)
            axis.axis("off")
    return figure


def tiles(gradients: Tensor) -> Any:
    """Return gradients (F, B, C, H, W) as one picture (H', W', 3), each scaled to its range, 0 as grey."""
    reach = gradients.abs().flatten(2).amax(2).clamp(min=1e-30)[:, :, None, None, None]
    shown = (gradients / reach + 1) / 2
    return tiled(shown.flatten(0, 1), max(gradients.shape[1], 1), 1).permute(1, 2, 0).numpy()


class Filters:
    """Look at the discriminator's features, and at those of an untrained one, on ``images`` training images.

    The untrained one's batch norms know these images, as a trained one's do. Raises UserError for numbers that are too
    small.
    """

    def __init__(self, images: int = 1_000, layers: int = 4, features: int = 6, best: int = 6) -> None:
        require_at_least(2, images=images)
        require_at_least(1, layers=layers, features=features, best=best)
        self.images = images
        self.layers = layers
        self.features = features
        self.best = best

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        if reason := needs_images(subject):
            return reason
        if subject.opponent is None:
            return "it has no discriminator"
        with noted_maps(subject.opponent.network, kinds=RECTIFIERS) as noted, torch.no_grad():
            subject.opponent.ask(torch.zeros(1, *subject.shape), torch.zeros(1, dtype=torch.long))
        if not noted:
            return "its discriminator has no feature maps behind a ReLU or leaky ReLU, through which to guide gradients"
        return None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write filters.png; return the selectivity of random and trained features, layer by layer."""
        assert subject.opponent is not None
        shown = examples(subject.training, self.images, subject.seed)
        pair = {"random": settle(subject.untrained(subject.seed), shown), "trained": subject.opponent}
        layers = {
            name: look_at(network, shown.images, shown.labels, self.layers, self.features, self.best, ask)
            for name, (network, ask) in pair.items()
        }
        save_figure(plot_filters(layers["random"], layers["trained"]), out / "filters.png")
        return {
            layer.name: {
                name: {"kurtosis": one.kurtosis, "class_share": one.class_share, "silent": one.silent}
                for name, one in (("random", random), ("trained", layer))
            }
            for random, layer in zip(layers["random"], layers["trained"], strict=True)
        }
