"""DINOv2 features (arXiv 2304.07193), whose Fréchet distance agrees best with human judges (arXiv 2306.04675)."""

from functools import partial

import torch
from torch import Tensor

from ganexp.files.download import Remote
from ganexp.metrics.reference import RealImages
from ganexp.metrics.transformer_features import (
    TransformerFeatures,
    check_channels,
    describe,
    load_network,
    uncropped,
    weights_path,
)
from ganexp.metrics.vgg16 import MEAN, STD
from ganexp.metrics.vision_transformer import VisionTransformer

WEIGHTS = Remote(
    "dinov2_vitl14_pretrain.pth",
    urls=("https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",),
    sha256="d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
)
REMEDY = "Or set extractor.dinov2.weights=FILE, or use other features: metric=[fid,kid]."
SIDE = 224
ARCHITECTURE = partial(VisionTransformer, grid=37, patch=14, width=1024, depth=24, heads=16, eps=1e-6)


def dinov2(
    images: RealImages, device: torch.device, weights: str | None = None, download: bool = True
) -> TransformerFeatures:
    """Return the extractor of features (N, 1024) on a device, for images with the channels of the real ones.

    They are DINOv2 ViT-L/14's class token of images resized to 224x224 by Pillow's bicubic filter, as in dgm-eval, the
    code of arXiv 2306.04675. ``weights`` is a file; None uses the authors', a local copy if there is one, else a
    download of 1.2 GB.

    Raises UserError if the images are neither grey nor RGB, or the weights file is missing or damaged, belongs to
    another network or contains code.
    """
    channels = check_channels("dinov2", images)
    path = weights_path("DINOv2's weights", weights, WEIGHTS, download, REMEDY)
    network = load_network(ARCHITECTURE, path, WEIGHTS, without_mask)
    description = describe(
        "DINOv2 ViT-L/14",
        path,
        "class token",
        f"as Pillow, bicubic, {SIDE}x{SIDE}",
        "(x / 255 - mean) / std of ImageNet",
        channels,
    )
    return TransformerFeatures(network, description, SIDE, MEAN, STD, uncropped, unit=False).to(device)


def without_mask(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights without the token of masked patches, which is for training only."""
    return {name: value for name, value in weights.items() if name != "mask_token"}
