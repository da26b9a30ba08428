"""Descriptions of reference images in a score's protocol."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.image_size import ImageSize


def describe_reference(data: DictConfig, split: str) -> dict[str, Any]:
    """Return the protocol entries of a data set's split, identical to those of conf/callbacks for training scores."""
    return {
        "data": data.name,
        "split": split,
        "image_size": ImageSize.of(data.image_size).setting,
        "channels": data.channels,
        "resize_filter": OmegaConf.select(data, "resize_filter", default="none"),
        "flip": False,
    }
