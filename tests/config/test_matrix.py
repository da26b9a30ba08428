"""Compatibility matrix: each (model, loss, penalty, normalization) is refused with a reason, or trains a batch."""

from functools import cache
from itertools import product

import pytest
import torch
from omegaconf import OmegaConf

from config.test_configs import DRAWING, tiny
from ganexp.config.build import build
from ganexp.config.matrix import option, options
from support.matrix import VERDICTS
from support.parts import thinned
from support.stand_in_trainer import StandInTrainer

BATCH = 2

# Games of other players than a discriminator and a generator.
PLAYERS = {"vae": ["generator"], "vaegan": ["discriminator", "encoder", "generator"]}
# Translation models have their own discriminators, and data in pairs.
MODELS = DRAWING


@cache
def tiny_model(model):
    return tiny(model, "ema=null")


def cell(model, loss, penalty, normalization):
    """Return the configuration of one cell, on networks as small as they can be."""
    config = tiny_model(model).copy()
    for group, name in (("loss", loss), ("penalty", penalty), ("normalization", normalization)):
        for key, node in option(group, name).items():
            OmegaConf.update(config, key, node, merge=False)
    for player in config.normalization.values():
        if "groups" in player:
            player.groups = 2
    return config


def train_a_batch(config):
    torch.manual_seed(0)
    module = build(config.model)
    module._trainer = StandInTrainer(module)
    side = config.data.image_size
    images = torch.rand(BATCH, config.data.channels, side, side) * 2 - 1
    module.training_step({"image": images, "label": torch.arange(BATCH)}, 0)
    return module


def require_trained(combination):
    module = train_a_batch(cell(*combination))
    seen = BATCH // module.real_batches
    names = [player.name for player in module.players()]
    pairs = ["discriminator", "generator"] * (len(names) // 2)
    assert [name.partition("_")[0] for name in names] == PLAYERS.get(combination[0], pairs)
    assert (module.images_seen, list(module.loss_history.turns)) == (seen, names)
    # Terms that are not finite raise.
    adversaries = [name for name in names if "discriminator" in names[0] and name != "encoder"]
    expected = [f"{name}/adversarial" for name in adversaries] or ["generator/reconstruction"]
    assert set(expected) <= set(module.read_terms())
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def one_for_each(cells, *parts):
    """Return a cell for each value of some parts; the others vary."""
    chosen = {}
    for position in range(len(cells)):
        # Coprime to the number of cells, so that each is visited once.
        candidate = cells[position * 997 % len(cells)]
        chosen.setdefault(tuple(candidate[part] for part in parts), candidate)
    return list(chosen.values())


CELLS = {combination: rule for combination, rule in VERDICTS.items() if combination[0] in MODELS}
ACCEPTED = [combination for combination, rule in CELLS.items() if rule is None]


def test_every_combination_has_a_verdict():
    groups = (MODELS, options("loss"), options("penalty"), options("normalization"))
    assert set(CELLS) == set(product(*groups))


@pytest.mark.parametrize("combination", thinned(one_for_each(ACCEPTED, 1, 2), 2), ids="-".join)
@pytest.mark.thinned(2)
def test_each_pair_of_a_loss_and_a_penalty_trains(combination):
    require_trained(combination)


@pytest.mark.parametrize("combination", one_for_each(ACCEPTED, 0), ids="-".join)
@pytest.mark.thinned(3)
def test_each_model_trains_with_options_other_than_its_papers(combination):
    require_trained(combination)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "loss"), product(MODELS, options("loss")))
def test_every_accepted_cell_trains(model, loss):
    cells = [combination for combination in ACCEPTED if combination[:2] == (model, loss)]
    assert cells
    for combination in cells:
        require_trained(combination)
