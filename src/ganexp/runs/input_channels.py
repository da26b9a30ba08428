"""Number of channels of what a translation is given."""

from omegaconf import DictConfig, OmegaConf


def input_channels_of(data: DictConfig) -> int:
    """Return the channels of a data set's inputs: those of its targets, unless it states others."""
    stated = OmegaConf.select(data, "input_channels")
    return int(data.channels if stated is None else stated)
