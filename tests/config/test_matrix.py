"""Compatibility matrix: each (model, loss, penalty, normalization) is refused with a reason, or trains a batch."""

from functools import cache
from itertools import product

import pytest
import torch
from omegaconf import OmegaConf

from config.test_configs import DRAWING, tiny
from ganexp.config.build import build
from ganexp.config.matrix import option, options
from ganexp.variants.vae import VAE
from ganexp.variants.vaegan import VAEGAN
from support.matrix import verdict_of, verdicts_of
from support.parts import thinned
from support.stand_in_trainer import StandInTrainer

BATCH = 2

# Games of other players than a discriminator and a generator.
PLAYERS = {VAE: ["generator"], VAEGAN: ["discriminator", "encoder", "generator"]}
# Translation models have their own discriminators, and data in pairs.
MODELS = DRAWING
PAIRS = list(product(options("loss"), options("penalty")))


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
    assert [name.partition("_")[0] for name in names] == PLAYERS.get(type(module), pairs)
    assert (module.images_seen, list(module.loss_history.turns)) == (seen, names)
    # Terms that are not finite raise.
    adversaries = [name for name in names if "discriminator" in names[0] and name != "encoder"]
    expected = [f"{name}/adversarial" for name in adversaries] or ["generator/reconstruction"]
    assert set(expected) <= set(module.read_terms())
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def first_accepted(number, *groups):
    """Return an accepted combination of some options of each group; which one varies with the number."""
    cells = list(product(*groups))
    # Coprime to the number of cells, so that each is visited once.
    candidates = (cells[position * 997 % len(cells)] for position in range(number, number + len(cells)))
    return next(cell for cell in candidates if verdict_of(*cell) is None)


@pytest.mark.parametrize("pair", thinned(PAIRS, 2), ids="-".join)
@pytest.mark.thinned(2)
def test_each_pair_of_a_loss_and_a_penalty_trains(pair):
    loss, penalty = pair
    require_trained(first_accepted(PAIRS.index(pair), MODELS, [loss], [penalty], options("normalization")))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.thinned(3)
def test_each_model_trains_with_options_other_than_its_papers(model):
    others = (options("loss"), options("penalty"), options("normalization"))
    require_trained(first_accepted(MODELS.index(model), [model], *others))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "loss"), product(MODELS, options("loss")))
def test_every_accepted_cell_trains(model, loss):
    cells = [cell for cell, rule in verdicts_of(model).items() if cell[0] == loss and rule is None]
    assert cells
    for cell in cells:
        require_trained((model, *cell))
