"""Translation of inputs with other channels than the targets: grey to colour."""

import numpy as np
import pytest
import torch

from ganexp.config import rules
from ganexp.data.translation.items import Pair
from ganexp.data.translation.module import PairedData
from ganexp.layers.normalization import instance
from ganexp.metrics.translation import TranslationScoring
from ganexp.networks import translator, unet
from ganexp.networks.patch import PairDiscriminator
from ganexp.variants.translation import interleave

RNG = np.random.default_rng(0)


def pairs(split):
    grey, colour = RNG.integers(0, 256, (8, 8), np.uint8), RNG.integers(0, 256, (8, 8, 3), np.uint8)
    return [(Pair(grey, colour), 0)] * 2


def data():
    module = PairedData(pairs, "test", 8, 3, 1, 0, input_channels=1, workers=0)
    module.setup()
    return module


@pytest.mark.parametrize(
    "network",
    [
        lambda: unet.Generator(3, 8, instance(), width=4, input_channels=1),
        lambda: translator.Generator(3, 8, instance(), width=4, blocks=1, input_channels=1),
    ],
)
def test_generators_make_colour_of_grey_and_the_discriminator_sees_both(network):
    batch = data().examples(2)
    made = network()(batch["input"])
    assert made.shape == batch["image"].shape == (2, 3, 8, 8)
    discriminator = PairDiscriminator(3, 8, instance(), width=4, layers=1, input_channels=1)
    changed = batch["input"].flip(-1)
    assert not torch.equal(discriminator(made, batch["input"]), discriminator(made, changed))


def test_a_grid_shows_both():
    batch = data().examples(2)
    shown = interleave(batch["input"], batch["image"])
    assert shown.shape == (4, 3, 8, 8)
    assert torch.equal(shown[1], batch["image"][0])
    assert torch.equal(shown[0], batch["input"][0].expand(3, -1, -1))


def test_an_input_is_not_compared_with_a_target_of_other_channels():
    names = []
    for module in (data(), PairedData(pairs, "test", 8, 3, 1, 0, workers=0)):
        module.setup()
        scoring = TranslationScoring([], {}, module.test_pairs, ["a2b"], [], {}, {}, None, torch.device("cpu"))
        names.append(scoring.incomparable)
    assert names == [{"input"}, set()]


def test_unpaired_models_refuse_it():
    config = {"requires": {"inputs": "unpaired"}, "data": {"channels": 3, "input_channels": 1}}
    assert rules.has_other_input_channels(config)
    assert not rules.has_other_input_channels({"data": {"channels": 3, "input_channels": None}})
