"""Feature maps that draw an object, selected by logistic regression (arXiv 1511.06434, section 6.3.1)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import last_convolution

MOST_POSITIONS = 20_000  # that the regression is fit on


def output_convolution(generator: nn.Module, run: Callable[[], Any]) -> nn.Module:
    """Return a generator's last convolution, which turns the feature maps of the layer below into the image.

    ``run`` runs the generator once. Raises ValueError for a generator without convolutions.
    """
    convolution = last_convolution(generator, run)
    if convolution is None:
        raise ValueError("this generator has no convolutions, so no feature maps")
    return convolution


def maps_before(convolution: nn.Module, run: Callable[[], Any]) -> Tensor:
    """Return a convolution's input maps (N, C, H, W) while ``run`` runs the generator, in one or several batches."""
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
class ObjectMaps:
    """Weights (C,) of feature maps in a logistic regression of whether a position is on an object.

    ``accuracy`` is the regression's balanced accuracy on the positions that it was fit on.
    """

    weights: Tensor
    accuracy: float

    @property
    def maps(self) -> Tensor:
        """Indices (K,) of the maps with positive weights, which draw the object; the largest weight first."""
        return self.weights.argsort(descending=True)[: int((self.weights > 0).sum())]


def object_maps(maps: Tensor, inside: Tensor, outside: Tensor, strength: float = 1.0, seed: int = 0) -> ObjectMaps:
    """Fit a logistic regression on maps (N, C, H, W) that predicts which positions are on an object.

    ``inside`` (N, H', W'), bool, are the pixels on the object, ``outside`` those that it is compared with. A position
    of a map is inside if any of its pixels is; it is outside if all of its pixels are or, if there is no such position,
    if any is. Maps are scaled to unit variance. ``strength`` is the inverse of the L2 regularization. Raises ValueError
    if no position is inside or none is outside.
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
            f"{int(on.sum())} positions of the feature maps are inside and {int(off.sum())} outside the object; "
            "at least one of each is needed"
        )
    values = maps.movedim(1, 3)
    rows = torch.cat([values[on], values[off]])
    target = torch.cat([torch.ones(int(on.sum())), torch.zeros(int(off.sum()))])
    chosen = torch.randperm(len(rows), generator=rng(seed, "positions"))[:MOST_POSITIONS]
    rows, target = rows[chosen], target[chosen]
    spread = rows.std(0)
    scaled = ((rows - rows.mean(0)) / spread.where(spread > 0, torch.ones(()))).numpy()
    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(scaled, target.numpy())
    predicted = torch.from_numpy(regression.predict(scaled))
    recalls = [float((predicted[target == kind] == kind).double().mean()) for kind in (0, 1)]
    return ObjectMaps(torch.from_numpy(regression.coef_[0]).float(), sum(recalls) / 2)


def strokes(images: Tensor) -> Tensor:
    """Return a mask (N, H, W), bool, of the pixels of images (N, C, H, W) in [-1, 1] that belong to strokes.

    The background is each image's median. Strokes are the pixels that differ from it by more than a third of the
    largest difference in the image.
    """
    distance = (images - images.flatten(2).median(2).values[:, :, None, None]).abs().mean(1)
    return distance > distance.flatten(1).amax(1)[:, None, None] / 3
