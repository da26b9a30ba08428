"""CLIP's image embeddings (arXiv 2103.00020), in which CMMD is defined (arXiv 2401.09603)."""

import re
from functools import partial

import torch
from torch import Tensor

from ganexp.files.download import Remote
from ganexp.metrics.reference import RealImages
from ganexp.metrics.transformer_features import PublicTransformer, TransformerFeatures, central_square
from ganexp.metrics.vision_transformer import VisionTransformer

RENAMED = {
    "vision_model.embeddings.patch_embedding": "patch_embed.proj",
    "vision_model.pre_layrnorm": "norm_pre",
    "vision_model.post_layernorm": "norm",
    "vision_model.encoder.layers": "blocks",
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "self_attn.out_proj": "attn.proj",
    "visual_projection": "projection",
}
"""Names of modules in the public weights, and in a VisionTransformer."""
QUERY, KEY, VALUE = (f"self_attn.{name}_proj" for name in "qkv")


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the image encoder's weights under the names of a VisionTransformer; the text encoder's are left out."""
    output: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name == "vision_model.embeddings.class_embedding":
            output["cls_token"] = value.view(1, 1, -1)
        elif name == "vision_model.embeddings.position_embedding.weight":
            output["pos_embed"] = value[None]
        elif is_of_images(name) and QUERY in name:
            parts = [weights.get(name.replace(QUERY, other)) for other in (QUERY, KEY, VALUE)]
            output[rename(name.replace(QUERY, "attn.qkv"))] = torch.cat([part for part in parts if part is not None])
        elif is_of_images(name):
            output[rename(name)] = value
    return output


def is_of_images(name: str) -> bool:
    """Return whether a weight is the image encoder's, and neither a buffer nor joined with the queries."""
    is_image = name.startswith(("vision_model.", "visual_projection."))
    return is_image and not name.endswith("position_ids") and KEY not in name and VALUE not in name


def rename(name: str) -> str:
    """Return the name in a VisionTransformer of a weight of the public file."""
    for theirs, ours in RENAMED.items():
        name = re.sub(rf"(^|\.){re.escape(theirs)}(?=\.)", rf"\g<1>{ours}", name)
    return name


TRANSFORMER = PublicTransformer(
    option="clip",
    name="CLIP",
    weights=Remote(
        "clip-vit-large-patch14-336.bin",
        urls=("https://huggingface.co/openai/clip-vit-large-patch14-336/resolve/main/pytorch_model.bin",),
        sha256="c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801",
    ),
    architecture=partial(
        VisionTransformer,
        grid=24,
        patch=14,
        width=1024,
        depth=24,
        heads=16,
        eps=1e-5,
        quick_gelu=True,
        norm_pre=True,
        patch_bias=False,
        layer_scale=False,
        projection=768,
    ),
    convert=renamed,
    side=336,
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
    crop=central_square,
    unit=True,
    network="CLIP ViT-L/14 at 336 pixels",
    layer="image embedding of unit length",
    resize="central square, as Pillow, bicubic, 336x336",
    pixels="(x / 255 - mean) / std of CLIP",
)


def clip(
    images: RealImages, device: torch.device, weights: str | None = None, download: bool = True
) -> TransformerFeatures:
    """Return the extractor of embeddings (N, 768) of unit length on a device, for images with the real ones' channels.

    They are CLIP ViT-L/14's at 336x336 of the central square, resized by Pillow's bicubic filter, as in the code of
    arXiv 2401.09603. ``weights`` is a file; None uses OpenAI's, a local copy if there is one, else a download (1.7 GB).

    Raises UserError if the images are neither grey nor RGB, or the weights file is missing or damaged, belongs to
    another network or contains code.
    """
    return TRANSFORMER.features(images, device, weights, download)
