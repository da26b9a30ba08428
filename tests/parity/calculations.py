"""What the figures of losses, penalties and augmentations are computed on: a critic, images and numbers by formula."""

from functools import cache
from pathlib import Path

import torch
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from torch import nn

from ganexp.config import composition
from support.formula import fill, formula_input

FIGURES = Path(__file__).with_name("figures")
SHAPE = (4, 3, 4, 4)
NUMBERS = 100
"""The index of the random numbers, which no image has."""
composition.register_resolvers()


@cache
def figures_of(name):
    """Return the content of a file of figures."""
    return yaml.safe_load((FIGURES / f"{name}.yaml").read_text())


@cache
def composed(overrides):
    """Return the composed configuration with all of Hydra's own settings."""
    with initialize_config_dir(str(composition.conf_dir()), version_base="1.3"):
        return hydra_compose("train", ["run_dir=unused", *overrides], return_hydra_config=True)


def option_names(group):
    """Return the names of a config group's options."""
    return set(composition.groups(composition.conf_dir())[group])


class Critic(nn.Module):
    """A critic of 4x4 images with second derivatives everywhere, its weights set by the formula."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softplus(), nn.Flatten(), nn.Linear(32, 1))
        fill(self)

    def forward(self, images):
        return self.layers(images)[:, 0]


def formula_draw(count, sample):
    """Return uniform numbers in [0, 1) by the formula, in the shape of what ``sample`` would draw."""
    return (formula_input(sample(count, torch.Generator()).shape, NUMBERS) + 1) / 2
