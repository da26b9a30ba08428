"""Conversion of a network in evaluation to one of plain layers, which exporters can trace."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ganexp.layers.dropout import Dropout
from ganexp.networks.progan import Growing


class FixedMask(nn.Module):
    """Dropout with a mask (C, H, W) that is part of the network."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps (N, C, H, W) times the mask."""
        return maps * self.mask


@torch.no_grad()
def converted(network: nn.Module, run: Callable[[nn.Module], Any]) -> nn.Module:
    """Return a copy of a network in evaluation that computes the same with plain layers.

    Normalized weights become plain weights, a network that grows stays at its stage, and masks of dropout that stays on
    in evaluation become part of the network, for the image size of ``run``, which calls the network on an example.
    """
    plain = copy.deepcopy(network).eval().requires_grad_(False)
    for module in plain.modules():
        if isinstance(module, Growing):
            module.fix()
    fix_masks(plain, run)
    for module in list(plain.modules()):
        if parametrize.is_parametrized(module):
            fix_weights(module)
    return plain.requires_grad_(False)


def fix_weights(module: nn.Module) -> None:
    """Replace the parametrized weights of a module, in place, by their present values."""
    # torch's remove_parametrizations would change the class, which a copy shares with the original.
    parametrizations: Any = module.parametrizations
    values = {name: getattr(module, name).detach().clone() for name in parametrizations}
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))


def fix_masks(network: nn.Module, run: Callable[[nn.Module], Any]) -> None:
    """Replace dropout that stays on in evaluation by its mask for the maps it sees when ``run`` calls the network."""
    masks: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, Dropout)
        masks[module] = module.mask(inputs[0])

    hooks = [module.register_forward_hook(record) for module in dropouts(network)]
    if not hooks:
        return
    try:
        run(network)
    finally:
        for hook in hooks:
            hook.remove()
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if child in masks:
                setattr(parent, name, FixedMask(masks[child]))


def dropouts(network: nn.Module) -> list[Dropout]:
    """Return the dropout layers of a network that drop something in evaluation."""
    return [module for module in network.modules() if isinstance(module, Dropout) and module.at_test and module.p > 0]


def without_dropout(network: nn.Module) -> nn.Module:
    """Return a copy of the network without dropout in evaluation."""
    silent = copy.deepcopy(network)
    for module in dropouts(silent):
        module.at_test = False
    return silent
