"""Pictures of samples: grids of images, scatter plots of points."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from ganexp.drawing.captions import captioned
from ganexp.drawing.channels import as_rgb, description
from ganexp.errors import NotFinite
from ganexp.files.atomic import replacing
from ganexp.numerics.pixels import are_points, quantized


def as_saved(samples: Tensor) -> Tensor:
    """Return images in [-1, 1] as uint8 for saving, and points (N, 2, 1, 1) unchanged.

    Raises NotFinite if a sample has non-finite values, which uint8 cannot represent.
    """
    broken = int((~are_finite(samples)).sum())
    if broken:
        raise NotFinite(
            f"{broken} of {len(samples)} samples are not finite (NaN images): the generator's weights are broken"
        )
    return as_bytes(samples)


def as_bytes(samples: Tensor) -> Tensor:
    """Return images in [-1, 1] as uint8, without a check of their values, and points (N, 2, 1, 1) unchanged."""
    return samples if are_points(samples) else quantized(samples)


def are_finite(samples: Tensor) -> Tensor:
    """Return whether all values of each sample (N, C, H, W) are finite, bool (N,), on the samples' device."""
    return samples.flatten(1).isfinite().all(1)


def picture(samples: Tensor, columns: int) -> Image.Image:
    """Draw samples (N, C, H, W) in [-1, 1] as a grid, or points (N, 2, 1, 1) as a scatter plot."""
    if are_points(samples):
        return scatter(samples.flatten(1))
    return grid(samples, columns)


def grid(images: Tensor, columns: int) -> Image.Image:
    """Draw images (N, C, H, W) in [-1, 1] row by row; small ones are enlarged by an integer factor.

    Images of other channels than grey and RGB are shown by `as_rgb`, which a caption says.
    """
    shown = as_rgb(images)
    tiles = tiled(quantized(shown).cpu(), columns, 255)
    enlarge = max(1, 64 // max(images.shape[-2:]))
    drawn = Image.fromarray(tiles.permute(1, 2, 0).numpy())
    drawn = drawn.resize((drawn.width * enlarge, drawn.height * enlarge), Image.Resampling.NEAREST)
    words = description(images.shape[1])
    return drawn if words is None else captioned(drawn, [words])


def tiled(images: Tensor, columns: int, line: float) -> Tensor:
    """Return images (N, C, H, W), C 1 or 3, row by row as one picture (3, H', W'), with lines of one pixel around each.

    A single image has no lines around it.
    """
    # Equivalent to torchvision's make_grid, but importing torchvision takes 170 MB and a second.
    shown = images.expand(-1, 3, -1, -1)
    if len(shown) == 1:
        return shown[0]
    columns = min(columns, len(shown))
    framed = pad(shown, (1, 0, 1, 0), value=line)
    missing = framed.new_full((-len(framed) % columns, *framed.shape[1:]), line)
    tiles = torch.cat([framed, missing]).unflatten(0, (-1, columns)).permute(2, 0, 3, 1, 4)
    return pad(tiles.flatten(3, 4).flatten(1, 2), (0, 1, 0, 1), value=line)


def scatter(points: Tensor, size: int = 512) -> Image.Image:
    """Draw points (N, 2) in the square [-1, 1] x [-1, 1], with the second coordinate upwards.

    Raises NotFinite if a point is not finite, which has no place in the picture.
    """
    broken = int((~are_finite(points)).sum())
    if broken:
        raise NotFinite(f"{broken} of {len(points)} points are not finite: the generator's weights are broken")
    column, row = ((points.float().cpu().clamp(-1, 1) * torch.tensor([1.0, -1.0]) + 1) / 2 * (size - 3)).long().T
    canvas = torch.full((size, size), 255, dtype=torch.uint8)
    for right in range(3):
        for down in range(3):
            canvas[row + down, column + right] = 0
    return Image.fromarray(canvas.numpy())


def as_image(sample: Tensor) -> Image.Image:
    """Return a sample (C, H, W) in [-1, 1] as a picture of its own size: grey, RGB or RGBA, others by `as_rgb`."""
    shown = sample if len(sample) in (1, 3, 4) else as_rgb(sample[None])[0]
    pixels = quantized(shown).cpu().numpy()
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def save(drawn: Image.Image, path: Path) -> None:
    """Write a PNG atomically; raises OSError naming ``path`` if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "wb") as file:
        drawn.save(file, format="PNG")
