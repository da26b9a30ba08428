"""Features of vision transformers: images resized as Pillow does, weights by checksum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganexp.files.download import Remote, checksum_of_file
from ganexp.files.weights import Convert, load_network, weights_file
from ganexp.metrics.extractor import Description, Extractor, require_grey_or_rgb
from ganexp.metrics.reference import RealImages

Crop = Callable[[Tensor], Tensor]


class TransformerFeatures(Extractor):
    """Features (N, D) of grey or RGB images, uint8 (N, C, H, W) of any size, in float32.

    Images are cropped, resized to ``side`` and standardized with ``mean`` and ``std`` of [0, 1]. ``unit`` scales the
    features to unit length.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        description: Description,
        side: int,
        mean: Sequence[float],
        std: Sequence[float],
        crop: Crop,
        unit: bool,
    ) -> None:
        super().__init__(network, description)
        self.side = side
        self.crop = crop
        self.unit = unit
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, D)."""
        resized = resize_like_pillow(self.crop(images).float(), self.side).expand(-1, 3, -1, -1)
        features = self.network((resized / 255 - self.mean) / self.std)
        return {"features": features / features.norm(dim=1, keepdim=True) if self.unit else features}


def resize_like_pillow(images: Tensor, side: int) -> Tensor:
    """Return images (N, C, H, W) in [0, 255] resized to (N, C, side, side) bicubically with antialiasing, as float32.

    As Pillow does, rows are resized first, then columns, and each time values are clipped and rounded to bytes. Its
    weights are fixed-point numbers, so that few values differ, by one.
    """
    wide = _resized(images, images.shape[-2], side)
    return _resized(wide, side, side)


def _resized(images: Tensor, height: int, width: int) -> Tensor:
    if images.shape[-2:] == (height, width):
        return images
    resized = interpolate(images, (height, width), mode="bicubic", align_corners=False, antialias=True)
    return resized.clamp(0, 255).round()


def uncropped(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) as they are."""
    return images


def central_square(images: Tensor) -> Tensor:
    """Return the largest central square (N, C, S, S) of images (N, C, H, W)."""
    height, width = images.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side]


@dataclass(frozen=True)
class PublicTransformer:
    """A transformer whose weights are published, and what the protocol of a score says of its features.

    ``option`` is its name in conf/extractor, ``name`` its authors', ``convert`` maps the public weights to those of
    ``architecture``. The others are those of `TransformerFeatures` and of a `Description`.
    """

    option: str
    name: str
    weights: Remote
    architecture: Callable[[], nn.Module]
    convert: Convert
    side: int
    mean: Sequence[float]
    std: Sequence[float]
    crop: Crop
    unit: bool
    network: str
    layer: str
    resize: str
    pixels: str

    def features(
        self, images: RealImages, device: torch.device, weights: str | None, download: bool
    ) -> TransformerFeatures:
        """Return the extractor with the weights in a file; None: the public ones, downloaded unless they are there.

        Raises UserError if the images are neither grey nor RGB, or the weights file is missing or damaged, belongs to
        another network or contains code.
        """
        channels = images.shape[0]
        require_grey_or_rgb(self.option, channels, instead="fid_classifier")
        remedy = f"Or set extractor.{self.option}.weights=FILE, or use other features: metric=[fid,kid]."
        path = weights_file(weights, f"{self.name}'s weights", self.weights, download, remedy)
        network = load_network(self.architecture, path, self.weights, self.convert)
        description: Description = {
            "network": self.network,
            "weights": checksum_of_file(path)[:16],
            "layer": self.layer,
            "resize": self.resize,
            "pixels": self.pixels,
            "channels": "grey, repeated to three" if channels == 1 else "RGB",
        }
        features = TransformerFeatures(network, description, self.side, self.mean, self.std, self.crop, self.unit)
        return features.to(device)
