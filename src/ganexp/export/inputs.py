"""Inputs of exported networks: noise, labels, truncation and images, each with random examples."""

from typing import Any

import torch

from ganexp.export.ports import BATCH, Input, Port
from ganexp.export.truncation import UNTRUNCATED
from ganexp.metrics.extractor import qualified_name
from ganexp.noise import normal, uniform
from ganexp.runs.model import takes_attributes

SIGNED_UNIT = "[-1, 1]"
DISTRIBUTIONS = {normal: "N(0, 1)", uniform: "uniform in [-1, 1)"}


def noise_input(noise: Any, latent: int) -> Input:
    """Return the input of noise (N, latent)."""
    function = getattr(noise, "func", noise)
    return Input(Port("noise", (BATCH, latent), DISTRIBUTIONS.get(function, qualified_name(noise))), noise)


def condition_input(model: Any) -> Input:
    """Return the input of the labels, or of the attributes, that a model is conditioned on."""
    return (attributes_input if takes_attributes(model) else labels_input)(model.num_classes)


def attributes_input(number: int) -> Input:
    """Return the input of attributes (N, number)."""
    port = Port("attributes", (BATCH, number), "1: has the attribute; 0: has not")
    return Input(port, lambda shape, generator: torch.randint(2, shape, generator=generator).float())


def labels_input(num_classes: int) -> Input:
    """Return the input of labels (N,)."""
    port = Port("labels", (BATCH,), f"0 to {num_classes - 1}", "int64")
    return Input(port, lambda shape, generator: torch.randint(num_classes, shape, generator=generator))


def truncation_input() -> Input:
    """Return the input of a threshold ()."""
    port = Port("truncation", (), f"above 0; {UNTRUNCATED:g} or more: not truncated")
    # Thresholds for the check are from 0.5 on, and every other is no truncation.
    return Input(port, lambda shape, generator: 0.5 + 11 * torch.rand(shape, generator=generator))


def style_truncation_input() -> Input:
    """Return the input of the styles' truncation ()."""
    port = Port("truncation", (), "the share of the styles' distance from their mean; 1: not truncated")
    return Input(port, lambda shape, generator: 0.25 + torch.rand(shape, generator=generator))


def image_input(name: str, shape: tuple[int | str, ...], values: str) -> Input:
    """Return an input of images (N, C, H, W) in [-1, 1]."""
    return Input(Port(name, shape, values), lambda sizes, generator: 2 * torch.rand(sizes, generator=generator) - 1)
