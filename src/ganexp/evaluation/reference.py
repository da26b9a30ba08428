"""Descriptions of reference images in a score's protocol."""

from typing import Any

from omegaconf import DictConfig, OmegaConf


def describe_reference(data: DictConfig, split: str) -> dict[str, Any]:
    """Return the protocol entries of a data set's split, identical to those of conf/callbacks for training scores."""
    return {
        "data": data.name,
        "split": split,
        "image_size": data.image_size,
        "channels": data.channels,
        "resize_filter": OmegaConf.select(data, "resize_filter", default="none"),
        "flip": False,
    }
