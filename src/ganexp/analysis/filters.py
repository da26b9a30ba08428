"""Guided backpropagation of a discriminator's features (arXiv 1412.6806; 1511.06434, figure 5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ganexp.analysis.discriminators import RunDiscriminator, examples, recalibrate_batch_norms
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import tiled
from ganexp.representations.feature_maps import recorded_maps

RECTIFIERS = (nn.ReLU, nn.LeakyReLU)
BATCH = 64


class Guided(torch.autograd.Function):
    """Identity of a rectifier's output, whose gradient passes only where it and the input are both positive."""

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
    """Use guided backpropagation in the network's ReLUs and leaky ReLUs; its outputs stay the same.

    A leaky ReLU passes no gradient where its input is negative, like a ReLU.
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
    run: RunDiscriminator | None = None,
) -> Tensor:
    """Return the guided gradients (N, C, H, W) of one feature of a layer for each image.

    ``features`` (N,) are the features' channels; differentiated is the largest value in a feature's map, the response.
    """
    inputs = images.clone().requires_grad_()
    with torch.enable_grad(), guided(network), recorded_maps(network) as recorded:
        (run or without_labels(network))(inputs, labels)
        maps = recorded[layer]
        chosen = maps[torch.arange(len(maps), device=maps.device), features.to(maps.device)]
        (gradient,) = torch.autograd.grad(chosen.flatten(1).amax(1).sum(), inputs)
    return gradient


@dataclass(frozen=True)
class LayerFeatures:
    """Features of a layer: guided gradients of their strongest responses, and measures of selectivity.

    ``gradients`` are guided gradients (features, best, C, H, W). ``kurtosis`` is the excess kurtosis of a feature's
    activations over images and positions, averaged over the active features: 0 for a normal distribution, large for
    features that respond rarely and strongly. ``class_share`` is the share of the variance of a feature's response to
    an image, its largest activation, that the image's class explains; None without classes. ``silent`` is the share of
    features whose activation is constant over all images.
    """

    name: str
    gradients: Tensor
    kurtosis: float | None
    class_share: float | None
    silent: float


def inspect_layers(
    network: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    layers: int = 4,
    features: int = 6,
    best: int = 6,
    run: RunDiscriminator | None = None,
) -> list[LayerFeatures]:
    """Return ``layers`` of a discriminator's layers, evenly spaced from first to last, with the first active features.

    Images are (N, C, H, W) in [-1, 1], labels (N,) or None. The guided gradients are those of the ``best`` images with
    the strongest responses. Raises ValueError if the network has no maps behind a ReLU or leaky ReLU.
    """
    run = run or without_labels(network)
    responses, moments = activation_statistics(network, images, labels, run)
    if not responses:
        raise ValueError("this network has no feature maps behind a ReLU or leaky ReLU")
    names = list(responses)
    spaced = torch.linspace(0, len(names) - 1, min(layers, len(names))).round().long().unique()
    return [
        inspect_layer(network, names[n], responses[names[n]], moments[names[n]], images, labels, features, best, run)
        for n in spaced.tolist()
    ]


@torch.no_grad()
def activation_statistics(
    network: nn.Module, images: Tensor, labels: Tensor | None, run: RunDiscriminator
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return by layer each feature's response to each image (N, C), and its raw moments 1 to 4 (4, C)."""
    responses: dict[str, list[Tensor]] = {}
    moments: dict[str, Tensor] = {}
    for positions in torch.arange(len(images)).split(BATCH):
        with recorded_maps(network, kinds=RECTIFIERS) as recorded:
            run(images[positions], None if labels is None else labels[positions])
        for name, maps in recorded.items():
            responses.setdefault(name, []).append(maps.amax((2, 3)).float().cpu())
            values = maps.double().transpose(0, 1).flatten(1).cpu()
            sums = torch.stack([(values**power).mean(1) for power in (1, 2, 3, 4)]) * len(positions) / len(images)
            moments[name] = moments.get(name, torch.zeros(())) + sums
    return {name: torch.cat(parts) for name, parts in responses.items()}, moments


def inspect_layer(
    network: nn.Module,
    name: str,
    responses: Tensor,
    moments: Tensor,
    images: Tensor,
    labels: Tensor | None,
    features: int,
    best: int,
    run: RunDiscriminator,
) -> LayerFeatures:
    """Return the results of `inspect_layers` for one layer."""
    variance = moments[1] - moments[0] ** 2
    active = variance > 1e-12 * moments[1].clamp(min=1e-30)
    chosen = active.nonzero().flatten()[:features]
    top = responses[:, chosen].topk(min(best, len(images)), dim=0).indices.T
    rows = top.flatten()
    gradients = [
        guided_gradients(network, name, images[batch], feature, None if labels is None else labels[batch], run)
        for batch, feature in zip(rows.split(BATCH), chosen.repeat_interleave(top.shape[1]).split(BATCH), strict=True)
    ] or [images[:0]]
    shaped = torch.cat(gradients).detach().cpu().unflatten(0, (len(chosen), top.shape[1]))
    m1, m2, m3, m4 = moments[:, active]
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    kurtosis = float((fourth / variance[active] ** 2 - 3).mean()) if len(chosen) else None
    classes = labels.cpu() if labels is not None and labels.dim() == 1 else None
    share = None if classes is None or not len(chosen) else explained_variance(responses[:, active], classes)
    return LayerFeatures(name, shaped, kurtosis, share, 1 - float(active.double().mean()))


def explained_variance(values: Tensor, labels: Tensor) -> float:
    """Return the share of the variance of values (N, C) that labels (N,) explain, averaged over C."""
    centred = values.double() - values.double().mean(0)
    classes = torch.nn.functional.one_hot(labels.long()).double()
    means = (classes.T @ centred) / classes.sum(0).clamp(min=1)[:, None]
    between = (classes.sum(0)[:, None] * means**2).sum(0)
    return float((between / (centred**2).sum(0).clamp(min=1e-30)).mean())


def without_labels(network: nn.Module) -> RunDiscriminator:
    """Return a function that runs a network on images and ignores labels."""
    return lambda images, labels: network(images)


def plot_filters(random: list[LayerFeatures], trained: list[LayerFeatures]) -> Figure:
    """Draw guided gradients of random (left) and trained filters (right), with features in rows, images in columns."""
    figure = Figure(figsize=(7, 3.4 * len(trained)), layout="constrained")
    rows = figure.subplots(len(trained), 2, squeeze=False)
    for axes, *layers in zip(rows, random, trained, strict=True):
        for axis, layer, title in zip(axes, layers, ("random", "trained"), strict=True):
            axis.imshow(tiles(layer.gradients))
            axis.set_title(f"{title} {layer.name}", fontsize=9)
            axis.axis("off")
    return figure


def tiles(gradients: Tensor) -> Any:
    """Return gradients (F, B, C, H, W) as one picture (H', W', 3), each scaled by its maximum, with 0 as grey."""
    scale = gradients.abs().flatten(2).amax(2).clamp(min=1e-30)[:, :, None, None, None]
    scaled = (gradients / scale + 1) / 2
    return tiled(scaled.flatten(0, 1), max(gradients.shape[1], 1), 1).permute(1, 2, 0).numpy()


class Filters:
    """Guided backpropagation of a discriminator's features, and of an untrained one's, on ``images`` training images.

    The running statistics of the untrained one's batch norms are computed on these images. Raises UserError for numbers
    that are too small.
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
        with recorded_maps(subject.opponent.network, kinds=RECTIFIERS) as recorded, torch.no_grad():
            subject.opponent.run(torch.zeros(1, *subject.shape), subject.labels(1))
        if not recorded:
            return "its discriminator has no feature maps behind a ReLU or leaky ReLU, through which to guide gradients"
        return None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write filters.png; return the selectivity of random and trained features, layer by layer."""
        assert subject.opponent is not None
        training = examples(subject.training, self.images, subject.seed)
        untrained = recalibrate_batch_norms(subject.untrained(subject.seed), training)
        pair = {"random": untrained, "trained": subject.opponent}
        layers = {
            name: inspect_layers(network, training.images, training.labels, self.layers, self.features, self.best, run)
            for name, (network, run) in pair.items()
        }
        save_figure(plot_filters(layers["random"], layers["trained"]), out / "filters.png")
        return {
            trained.name: {
                name: {"kurtosis": layer.kurtosis, "class_share": layer.class_share, "silent": layer.silent}
                for name, layer in (("random", random), ("trained", trained))
            }
            for random, trained in zip(layers["random"], layers["trained"], strict=True)
        }
