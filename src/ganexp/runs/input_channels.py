"""Number of channels of what a translation is given."""

from omegaconf import DictConfig, OmegaConf


def input_channels_of(data: DictConfig, direction: str = "a2b") -> int:
    """Return the channels of what a model translates in one of its own directions.

    From a to b, these are the channels of the data's inputs, which are those of its targets unless it states others.
    """
    stated = OmegaConf.select(data, "input_channels") if direction == "a2b" else None
    return int(data.channels if stated is None else stated)
