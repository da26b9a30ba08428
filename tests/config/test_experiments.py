"""Recipes of conf/experiment: each composes, builds, and refers to an existing published score.

Those called ``_small`` are for two CPU cores: narrow networks and few images, with the published objective.
"""

from functools import cache

import pytest
import torch
from torch import nn

from config.test_configs import compose
from ganexp.config import checks, composition
from ganexp.config.build import build
from ganexp.metrics.published import published
from support.parts import thinned

RECIPES = composition.groups(composition.conf_dir())["experiment"]


def full_name(small: str) -> str:
    return small.removesuffix("_small")


SMALL = [name for name in RECIPES if name.endswith("_small")]
PUBLISHED = [name for name in RECIPES if name not in SMALL]
LARGE = [name for name in RECIPES if "imagenet" in name]
WITH_FULL_VERSION = [name for name in SMALL if full_name(name) in PUBLISHED]

PARAMETERS = {
    # In millions, as the authors' code prints them (github.com/junyanz/pytorch-CycleGAN-and-pix2pix), CycleGAN's twice.
    "pix2pix_facades": {"generators": 54.414, "discriminator": 2.769},
    "cyclegan_horse2zebra": {"generators": 2 * 11.378, "discriminators": 2 * 2.765},
    # Of the re-implementation mimicry (arXiv 2007.02701).
    "sngan_cifar10": {"generator": 4.277, "discriminator": 1.054},
    # arXiv 1809.11096, table 1, for 128 pixels and 96 channels.
    "biggan_imagenet128": {"generator": 70.43, "discriminator": 87.98},
    # POSTECH-CVLab/PyTorch-StudioGAN, src/models/big_resnet.py and deep_conv.py.
    "biggan_cifar10": {"generator": 9.416196, "discriminator": 2.415170},
    "dcgan_cifar10": {"generator": 3.812355, "discriminator": 2.931009},
}


IN_DEFAULT_SUITE = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in PARAMETERS]


@cache
def recipe(name: str):
    return compose(f"experiment={name}")


@cache
def module_of(name: str):
    # Without memory: BigGAN's two networks would take 700 MB.
    with torch.device("meta"):
        return build(recipe(name).model)


def millions(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.mark.parametrize("name", thinned(RECIPES, 3, slow=LARGE))
@pytest.mark.thinned(2)
def test_each_recipe_is_accepted_and_its_players_are_built(name):
    config = recipe(name)
    checks.check_parts(composition.resolve(config))
    checks.check(composition.resolve(config))
    module_of(name)


@pytest.mark.parametrize("name", thinned(PUBLISHED, 3, slow=LARGE))
def test_published_networks_are_not_toys(name):
    assert all(millions(player.network) > 0.5 for player in module_of(name).players())


@pytest.mark.parametrize("name", WITH_FULL_VERSION)
def test_a_small_recipe_has_the_published_objective_and_narrower_networks(name):
    small, full = (composition.resolve(recipe(version)) for version in (name, full_name(name)))
    for part in ("loss", "penalty", "normalization", "requires"):
        assert small[part] == full[part]
    assert small["images"] < full["images"] / 10
    assert small["data"]["source"] == full["data"]["source"]
    networks = [
        sum(millions(player.network) for player in module_of(version).players()) for version in (name, full_name(name))
    ]
    assert networks[0] < networks[1] / 2


@pytest.mark.parametrize("name", RECIPES)
def test_the_published_score_of_a_recipe_exists_for_its_data(name):
    config = composition.resolve(recipe(name))
    if config["published"] is None:
        # Papers without such a score: their recipes must not ask for one.
        assert not {"fid", "is"} & set(config["metric"])
    else:
        named = [e for e in published() if {"model": e["model"], "source": e["source"]} == config["published"]]
        assert config["data"]["name"] in {entry["data"] for entry in named}


@pytest.mark.parametrize("name", IN_DEFAULT_SUITE)
def test_networks_have_the_published_numbers_of_parameters(name):
    module = module_of(name)
    for network, published_millions in PARAMETERS[name].items():
        assert millions(module.get_submodule(network)) == pytest.approx(published_millions, rel=0.002)


def test_the_command_line_takes_precedence_over_a_recipe():
    config = compose("experiment=sngan_cifar10", "images=1000", "loss=nonsaturating", "schedule=constant")
    assert (config.images, config.loss._target_) == (1000, "ganexp.losses.NonSaturating")
    assert "start" not in config.schedule.discriminator


def test_recipes_have_the_settings_of_their_papers():
    wgan_gp = recipe("wgan_gp_cifar10")
    assert wgan_gp.loss._target_.endswith("Wasserstein")
    assert list(wgan_gp.penalty) == ["gradient_penalty"]
    assert wgan_gp.normalization.discriminator._target_.endswith("none")
    assert (wgan_gp.model.critic_steps, wgan_gp.data.batch_size, wgan_gp.data.name) == (5, 64, "cifar10")
    assert (wgan_gp.schedule.generator.start, wgan_gp.schedule.generator.final) == (0.0, 0.0)
