"""Constraints on parameters."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import nn

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.constraints import WeightClip
from ganexp.errors import UserError


def test_weight_clip_clamps_every_parameter_and_no_buffer():
    network = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
    with torch.no_grad():
        network[0].weight.fill_(0.005)
        network[0].weight[0] = -3.0
    before = {name: value.clone() for name, value in network.state_dict().items()}
    WeightClip(limit=0.01)(network)
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name].clamp(-0.01, 0.01))
        assert value.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert network[1].weight.eq(0.01).all()


@pytest.mark.parametrize("limit", [0.0, -0.01, float("nan"), float("inf")])
def test_a_limit_that_is_not_positive_and_finite_is_refused(limit):
    with pytest.raises(UserError, match="WeightClip: limit="):
        WeightClip(limit=limit)


def test_the_option_is_a_constraint_and_no_penalty():
    with initialize_config_dir(str(composition.conf_dir()), version_base="1.3"):
        config = compose("penalty/weight_clip")
    assert config.penalty == {}
    assert build(config.constraint) == WeightClip(limit=0.01)
