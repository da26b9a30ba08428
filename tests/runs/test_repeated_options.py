"""An option that is repeated when a run is resumed, by a version that has more settings than the run's."""

from omegaconf import OmegaConf

from ganexp.config import composition
from ganexp.runs.overrides import describe_difference


def test_a_setting_that_is_passed_on_to_one_more_place_is_no_difference():
    composition.register_resolvers()
    config = composition.compose("train", ["data=paired_folder"])
    OmegaConf.set_struct(config, False)
    del config.data.source.channels
    assert describe_difference(config, "data=paired_folder") == ""
    del config.data.flip
    assert describe_difference(config, "data=paired_folder") == " (the run differs: data.flip: None against True)"
