"""Inception features, the standard for scores since arXiv 1606.03498 and 1706.08500."""

from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganexp.errors import UserError
from ganexp.files.download import checksum_of_file
from ganexp.files.weights import load_checked, mismatch_error, weights_file
from ganexp.metrics.extractor import Description, Extractor, qualified_name, require_grey_or_rgb
from ganexp.metrics.reference import RealImages
from ganexp.metrics.standard_inception import WEIGHTS

Resize = Callable[[Tensor], Tensor]
"""Resizes images (N, C, H, W), float32 in [0, 255], to 299x299."""

SIDE = 299
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
AMPERE = 8
"""The first compute capability with bfloat16 arithmetic."""


def legacy(images: Tensor) -> Tensor:
    """Return images resized as in TensorFlow 1, bilinearly without antialiasing, as in most published scores."""
    # Imported here, because torch-fidelity takes seconds to import.
    from torch_fidelity.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x,
    )

    output: Tensor = interpolate_bilinear_2d_like_tensorflow1x(images, size=(SIDE, SIDE), align_corners=False)
    return output


def clean(images: Tensor) -> Tensor:
    """Return images resized as in Pillow, bicubically with antialiasing, unrounded: clean-fid (arXiv 2104.11222).

    As there, overshoots of the filter are clipped to [0, 255].
    """
    return interpolate(images, (SIDE, SIDE), mode="bicubic", align_corners=False, antialias=True).clamp(0, 255)


RESIZES: dict[str, Resize] = {"legacy": legacy, "clean": clean}
PROTOCOLS: dict[str | Resize, Description] = {"clean": {"clipped": "to [0, 255]"}}
"""Further entries of a resizing in the protocol: without them, features from before clipping would pass for these."""

REMEDY = "Or set extractor.inception.weights=FILE, or do without Inception: metric=[fid_classifier]."


class Inception(Extractor):
    """Features (N, 2048) and logits (N, 1008) of grey or RGB images, uint8 (N, C, H, W) of any size.

    ``network`` is torch-fidelity's. The logits omit its bias, as in the code of the authors of the Inception Score.
    Convolutions and maps are in ``precision``; resizing, batch normalization, the last average and the logits are in
    float32.
    """

    def __init__(
        self,
        network: nn.Module,
        resize: Resize,
        description: Description,
        precision: torch.dtype = torch.float32,
        channels_last: bool = False,
    ) -> None:
        *body, pool, head = network.children()
        super().__init__(nn.Sequential(*body), description, channels_last)
        self.resize = resize
        self.precision = precision
        self.pool = pool
        self.head = head.weight
        for layer in self.network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.to(precision)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, 2048) and "logits" (N, 1008)."""
        resized = self.resize(images.float()).expand(-1, 3, -1, -1)
        pixels = ((resized - 128) / 128).to(self.precision)
        if self.channels_last:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        features = self.pool(self.network(pixels).float()).flatten(1)
        return {"features": features, "logits": features @ self.head.T}


def inception(
    images: RealImages,
    device: torch.device,
    weights: str | None = None,
    download: bool = True,
    resize: str | Resize = "legacy",
    precision: str = "float32",
    channels_last: bool = False,
) -> Inception:
    """Return the extractor on a device, for images with the channels of the real ones.

    ``weights`` is a file; None uses torch-fidelity's weights, a local copy if there is one, else a download.
    ``resize`` is "legacy", "clean" or a custom function. ``precision`` "bfloat16" is faster on a GPU, and another
    protocol: its features are not those of "float32". ``channels_last`` stores images as (N, H, W, C).

    Raises UserError if torch-fidelity is not installed, the images are neither grey nor RGB, ``resize`` or
    ``precision`` is unknown, the GPU has no bfloat16, or the weights file is missing or damaged, belongs to another
    network or contains code.
    """
    if find_spec("torch_fidelity") is None:
        raise UserError(
            "extractor inception: the package torch-fidelity is not installed: pip install torch-fidelity; or do "
            "without Inception: metric=[fid_classifier]."
        )
    channels = images.shape[0]
    require_grey_or_rgb("inception", channels, instead="fid_classifier")
    if isinstance(resize, str) and resize not in RESIZES:
        raise UserError(f"extractor inception: resize={resize} is not one of {', '.join(RESIZES)}.")
    if precision not in PRECISIONS:
        raise UserError(f"extractor inception: precision={precision} is not one of {', '.join(PRECISIONS)}.")
    if precision == "bfloat16" and device.type == "cuda" and torch.cuda.get_device_capability(device)[0] < AMPERE:
        raise UserError(
            f"extractor inception: {torch.cuda.get_device_name(device)} has no bfloat16 arithmetic; "
            "in float32: metric=[fid]."
        )
    path = weights_file(weights, "Inception's weights", WEIGHTS, download, REMEDY)
    network = _network(path)
    description: Description = {
        "network": "InceptionV3 of torch-fidelity",
        "weights": checksum_of_file(path)[:16],
        "resize": resize if isinstance(resize, str) else qualified_name(resize),
        "pixels": "(x - 128) / 128",
        "channels": "grey, repeated to three" if channels == 1 else "RGB",
        **PROTOCOLS.get(resize, {}),
    }
    if precision != "float32":
        description["precision"] = precision
    resized = RESIZES[resize] if isinstance(resize, str) else resize
    return Inception(network, resized, description, PRECISIONS[precision], channels_last).to(device)


def _network(path: Path) -> nn.Module:
    """Return torch-fidelity's network with the weights in a file."""
    weights = load_checked(path, WEIGHTS)
    from torch_fidelity.feature_extractor_inceptionv3 import (
        FeatureExtractorInceptionV3,
    )

    # The class unpickles its file, which would execute code in it, so it gets an in-memory file of tensors alone.
    tensors = BytesIO()
    torch.save(weights, tensors)
    tensors.seek(0)
    try:
        with torch.random.fork_rng(devices=[]):
            module: nn.Module = FeatureExtractorInceptionV3("inception", ["2048"], tensors)
            return module
    except RuntimeError as error:
        raise mismatch_error(path, error) from error
