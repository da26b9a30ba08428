"""Tiled inference: images of any size, for a network with limited memory and fixed multiples as side lengths."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.numerics.pixels import quantized

Network = Callable[[Tensor], Tensor]
"""Map from images (1, C, H, W) in [-1, 1] to images of the same size."""
Finish = Callable[[Tensor], Tensor]
"""Map from rows of a result in [-1, 1] to what is kept of them."""

OVERLAP = 4
"""Neighbouring tiles share at least one in ``OVERLAP`` of their pixels."""


def translate_in_tiles(network: Network, image: Tensor, multiple: int, tile: int, finish: Finish = quantized) -> Tensor:
    """Translate an image, uint8 or float32 in [-1, 1], (C, H, W), to a result that ``finish`` makes, uint8 by default.

    The image is mirrored beyond its edges until its sides are multiples of ``multiple``, and the result is cropped. If
    a side is longer than ``tile``, overlapping tiles are translated and blended. Raises UserError if the network
    returns values that are not finite.
    """
    height, width = image.shape[1:]
    padded, top, left = mirror_pad(image, multiple)
    tile = -(-tile // multiple) * multiple
    result = torch.cat(list(translate_rows(network, padded, tile, finish)), dim=1)
    return result[:, top : top + height, left : left + width]


def translate_whole(network: Network, images: Tensor, multiple: int) -> Tensor:
    """Translate images (N, C, H, W) in [-1, 1] one by one, each as a single tile; the result is of the same shape.

    Images are mirrored beyond their edges as in ``translate_in_tiles``.
    """
    height, width = images.shape[2:]
    results = []
    for image in images.detach().float().cpu():
        padded, top, left = mirror_pad(image, multiple)
        output = network(padded.unsqueeze(0))[0].float().cpu()
        results.append(output[:, top : top + height, left : left + width])
    return torch.stack(results)


def mirror_pad(image: Tensor, multiple: int) -> tuple[Tensor, int, int]:
    """Return the image padded by its mirror image on all sides, and the padding at the top and at the left."""
    above, beside = (-side % multiple for side in image.shape[1:])
    edges = ((0, 0), (above // 2, above - above // 2), (beside // 2, beside - beside // 2))
    return torch.from_numpy(np.pad(image.numpy(), edges, mode="symmetric")), above // 2, beside // 2


def translate_rows(network: Network, image: Tensor, tile: int, finish: Finish = quantized) -> Iterator[Tensor]:
    """Yield the translated image (C, h, W) from top to bottom; only one row of tiles is held before ``finish``."""
    height, width = image.shape[1:]
    tops, lefts = tile_starts(height, tile), tile_starts(width, tile)
    rows, columns = min(tile, height), min(tile, width)
    down, across = blending_weights(tops, rows, height), blending_weights(lefts, columns, width)
    unfinished = torch.zeros(1, rows, width)
    for top, below, height_weight in zip(tops, [*tops[1:], height], down, strict=True):
        for left, width_weight in zip(lefts, across, strict=True):
            part = image[:, top : top + rows, left : left + columns]
            output = network(to_signed_unit(part).unsqueeze(0))[0].float().cpu()
            if len(output) != len(unfinished):
                unfinished = unfinished.new_zeros(len(output), rows, width)
            unfinished[..., left : left + columns] += output * height_weight[:, None] * width_weight
        if not unfinished.isfinite().all():
            raise UserError("the translations are not finite (NaN images): the generator's weights are broken")
        yield finish(unfinished[:, : below - top])
        unfinished = torch.cat([unfinished[:, below - top :], torch.zeros_like(unfinished[:, : below - top])], dim=1)


def tile_starts(length: int, tile: int) -> list[int]:
    """Return the evenly spaced start positions of the tiles along one side."""
    if length <= tile:
        return [0]
    steps = -(-(length - tile) // max(1, tile - tile // OVERLAP))
    return [round(step * (length - tile) / steps) for step in range(steps + 1)]


def blending_weights(starts: list[int], size: int, length: int) -> list[Tensor]:
    """Return the weight (size,) of each tile's pixels along one side: falling towards its ends, 1 in sum over tiles."""
    from_ends = torch.minimum(torch.arange(1, size + 1), torch.arange(size, 0, -1))
    ramp = from_ends.clamp(max=max(1, size // OVERLAP)).double()
    total = torch.zeros(length, dtype=torch.float64)
    for start in starts:
        total[start : start + size] += ramp
    return [(ramp / total[start : start + size]).float() for start in starts]
