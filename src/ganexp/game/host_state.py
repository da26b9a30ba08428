"""State of the host that a turn may change, which replaying a CUDA graph does not."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

HostState = dict[tuple[str, int], Any]
"""Values by what they are and, of attributes, the identity of their module."""


RECORDED = ("loss_history", "watched", "inputs", "gradient_pass", "images_seen", "batches_seen")
"""Attributes of a game that a replay takes care of, or that no turn changes."""


def plain_attributes(game: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    """Yield the attributes of a game and its modules that are neither parameters, buffers nor modules."""
    of_torch = set(nn.Module().__dict__)
    for module in game.modules():
        for name, value in module.__dict__.items():
            # Names of the game itself that begin so are Lightning's.
            recorded = module is game and (name in RECORDED or name.startswith("_"))
            if name not in of_torch and not recorded:
                yield module, name, value


def host_state(game: Any) -> HostState:
    """Return what a turn might change on the host: random states, attributes of modules, replaced tensors."""
    state: HostState = {
        ("Python's random state", 0): random.getstate(),
        ("NumPy's random state", 0): repr(np.random.get_state()),
    }
    if game.device.type != "cpu":
        state["torch's random state on the CPU", 0] = bytes(torch.default_generator.get_state().numpy())
    for module, name, value in plain_attributes(game):
        size = len(value) if isinstance(value, list | dict | set) else 0
        state[f"the attribute {name} of {type(module).__name__}", id(module)] = (value, size)
    for name, tensor in (*game.named_parameters(), *game.named_buffers()):
        state[f"the tensor {name}", 0] = id(tensor)
    return state


def changed(before: HostState, after: HostState) -> str:
    """Return what differs between two states of the host, empty if nothing does."""
    for key in {**before, **after}:
        first, second = before.get(key), after.get(key)
        if first is not second and not is_equal(first, second):
            return f"it changes {key[0]}, which a graph would not repeat"
    return ""


def is_equal(first: Any, second: Any) -> bool:
    """Return whether two values of the host are the same object or equal simple values."""
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        return all(one is other or is_equal(one, other) for one, other in zip(first, second, strict=True))
    return isinstance(first, int | float | str | bytes) and type(first) is type(second) and first == second


def hooks(game: nn.Module) -> str:
    """Return which hooks would only be called while a turn is captured, empty if there are none."""
    for name, module in game.named_modules():
        name = name or "the game"
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
            return f"{name} has hooks, which a graph would not call"
    for name, parameter in game.named_parameters():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            return f"{name} has hooks, which a graph would not call"
    return ""
