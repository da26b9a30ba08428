"""Decoders of files that are compared with a data set."""

from omegaconf import DictConfig, OmegaConf

from ganexp.data.decoding import Decoder
from ganexp.data.depth.value_range import MEASURED, checked_setting
from ganexp.errors import UserError


def decoder_of(data: DictConfig) -> Decoder:
    """Return the decoder of a data set's settings.

    Raises UserError for a range of values that is measured, as files of other images must not change it.
    """
    setting = OmegaConf.to_container(data).get("value_range")  # type: ignore[union-attr]
    if setting == MEASURED:
        raise UserError(
            "data.value_range=percentiles: files need a stated range, such as data.value_range=[0,4095]; "
            "the training log shows what was measured."
        )
    return Decoder(data.image_size, data.channels, data.resize_filter, checked_setting(setting))
