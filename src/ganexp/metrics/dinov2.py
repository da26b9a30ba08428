"""DINOv2 features (arXiv 2304.07193), whose Fréchet distance agrees best with human judges (arXiv 2306.04675)."""

from functools import partial

import torch
from torch import Tensor

from ganexp.files.download import Remote
from ganexp.metrics.reference import RealImages
from ganexp.metrics.transformer_features import PublicTransformer, TransformerFeatures, uncropped
from ganexp.metrics.vgg16 import MEAN, STD
from ganexp.metrics.vision_transformer import VisionTransformer


def without_mask(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights without the token of masked patches, which is for training only."""
    return {name: value for name, value in weights.items() if name != "mask_token"}


TRANSFORMER = PublicTransformer(
    option="dinov2",
    name="DINOv2",
    weights=Remote(
        "dinov2_vitl14_pretrain.pth",
        urls=("https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",),
        sha256="d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
    ),
    architecture=partial(VisionTransformer, grid=37, patch=14, width=1024, depth=24, heads=16, eps=1e-6),
    convert=without_mask,
    side=224,
    mean=MEAN,
    std=STD,
    crop=uncropped,
    unit=False,
    network="DINOv2 ViT-L/14",
    layer="class token",
    resize="as Pillow, bicubic, 224x224",
    pixels="(x / 255 - mean) / std of ImageNet",
)


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
    return TRANSFORMER.features(images, device, weights, download)
