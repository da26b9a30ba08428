"""Tiny games of every configuration on the stand-in device."""

from functools import cache

import torch
from omegaconf import OmegaConf

from config.test_configs import tiny
from ganexp.config.build import build
from ganexp.config.matrix import option
from ganexp.image_size import ImageSize
from support.stand_in_device import stand_in_device
from support.stand_in_trainer import StandInTrainer

BATCH = 4


class Trainer(StandInTrainer):
    """Stands for Lightning's trainer on one device."""

    def all_gather(self, tensor, **_):
        return tensor


@cache
def tiny_model(model):
    return tiny(model)


def tiny_with(model, settings, **groups):
    """Return a model's tiny configuration with other options of some groups, and further settings."""
    config = tiny_model(model).copy()
    for group, name in groups.items():
        for key, node in option(group, name).items():
            OmegaConf.update(config, key, node, merge=False)
    for key, value in settings.items():
        OmegaConf.update(config, key, value, force_add=True)
    for player in config.optimizer.values():
        if "fused" in player:
            player.fused = False  # fused kernels support real devices only
    for player in config.normalization.values():
        if "groups" in player:
            player.groups = 2
    return config


def built(config):
    torch.manual_seed(0)
    return build(config.model)


def batch_of(config):
    """Return a batch of random labelled images, with inputs for image-to-image models."""
    size = ImageSize.of(config.data.image_size)
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, config.data.channels, *size, generator=rng) * 2 - 1
    batch = {"image": images, "label": torch.arange(BATCH) % config.data.num_classes}
    return batch | {"input": images.flip(3)} if config.requires.inputs else batch


def played(config, batches, device="cpu", waits=True):
    """Return the game after some batches; with ``waits=False`` the processor may not wait for the device in a turn."""
    game = built(config).to(device)
    game._trainer = Trainer(game)
    batch = {name: value.to(device) for name, value in batch_of(config).items()}
    if waits:
        for _ in range(batches):
            game.training_step(batch, 0)
    else:
        with stand_in_device(waits=False):
            for _ in range(batches):
                game.training_step(batch, 0)
    return game
