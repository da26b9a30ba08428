"""Tiny games of head avatars, and a batch for them."""

import torch

from support.games import Trainer, built, tiny_with

LANDMARKS = 14


def tiny(**settings):
    """Return a tiny configuration with the channels of puppets."""
    config = tiny_with("head_avatar", {"data.channels": 3, "data.input_channels": 4 + LANDMARKS})
    config.model.generator.landmarks = LANDMARKS
    for name, value in settings.items():
        config.model[name] = value
    return config


def batch():
    rng = torch.Generator().manual_seed(0)
    return {
        "input": 2 * torch.rand(4, 4 + LANDMARKS, 16, 16, generator=rng) - 1,
        "image": 2 * torch.rand(4, 3, 16, 16, generator=rng) - 1,
    }


def game(**settings):
    module = built(tiny(**settings))
    module._trainer = Trainer(module)
    return module
