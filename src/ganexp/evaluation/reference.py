"""Description of reference images in the protocol of a score."""

from typing import Any

from omegaconf import DictConfig, OmegaConf


def describe_reference(data: DictConfig, split: str) -> dict[str, Any]:
    """Return the protocol's entries on a split of a data set, as conf/callbacks writes them for scores in training."""
    return {
        "data": data.name,
        "split": split,
        "image_size": data.image_size,
        "channels": data.channels,
        "resize_filter": OmegaConf.select(data, "resize_filter", default="none"),
    }
