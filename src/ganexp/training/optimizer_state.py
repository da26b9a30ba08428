"""State of optimizers in a checkpoint, which must fit the weights: a fused step writes wherever it is led."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganexp.errors import one_line
from ganexp.files.saved_values import (
    Missing,
    NotACheckpoint,
    entry,
    require_dict,
    require_list,
    require_number,
    unexpected,
)

PARAMETERS = "params"
ADDED = frozenset({"initial_lr"})
"""Entries of a group that it gets in training."""
Kept = dict[tuple[int, torch.Size], Mapping[str, Any]]
"""What an optimizer keeps of a weight, by name, for the number of its group and its shape."""


def require_optimizer_states(optimizers: Sequence[Optimizer], saved: Any) -> None:
    """Raise NotACheckpoint unless the saved states fit freshly configured optimizers of the same networks.

    The optimizers cannot be used afterwards.
    """
    states = require_list(saved, "optimizer_states", len(optimizers))
    for number, (optimizer, state) in enumerate(zip(optimizers, states, strict=True)):
        require_optimizer_state(optimizer, state, f"optimizer_states.{number}")


def require_optimizer_state(optimizer: Optimizer, saved: Any, where: str) -> None:
    """Raise NotACheckpoint unless a saved state has the optimizer's groups, and for each weight what it keeps of it."""
    values = require_dict(saved, where)
    needed = optimizer.state_dict()["param_groups"]
    groups = require_list(entry(values, "param_groups"), f"{where}.param_groups", len(needed))
    for number, (group, given) in enumerate(zip(needed, groups, strict=True)):
        require_group(group, given, f"{where}.param_groups.{number}")
    weights = [(number, p) for number, group in enumerate(optimizer.param_groups) for p in group[PARAMETERS]]
    kept = kept_state(optimizer, groups, where)
    states = entry(values, "state")
    if not isinstance(states, dict) or not all(type(key) is int and 0 <= key < len(weights) for key in states):
        raise unexpected(f"{where}.state", states, f"a dict by number of the {len(weights)} weights")
    for number, state in states.items():
        group, weight = weights[number]
        require_state(weight, kept.get((group, weight.shape), {}), state, f"{where}.state.{number}")


def require_group(needed: Mapping[str, Any], saved: Any, where: str) -> None:
    """Raise NotACheckpoint unless a group has the same weights, and settings of the same names and types."""
    given = require_dict(saved, where)
    numbers, count = entry(given, PARAMETERS), len(needed[PARAMETERS])
    # A tensor among them could not be compared.
    is_numbers = isinstance(numbers, list) and all(type(number) is int for number in numbers)
    if not is_numbers or numbers != needed[PARAMETERS]:
        raise unexpected(f"{where}.{PARAMETERS}", numbers, f"the numbers of {count} weights")
    for name in given.keys() - needed.keys() - ADDED:
        raise unexpected(f"{where}.{name}", given[name], "nothing")
    for name, value in needed.items():
        # Later versions of torch add switches, which are off in the checkpoints of earlier ones.
        if name != PARAMETERS and (name in given or not isinstance(value, bool | None)):
            require_setting(value, entry(given, name), f"{where}.{name}")
    # A fused step does not refuse these: all weights become NaN.
    betas = given.get("betas")
    if isinstance(betas, list | tuple) and not all(0 <= beta < 1 for beta in betas):
        raise unexpected(f"{where}.betas", betas, "numbers of at least 0 and below 1")
    for name in {"lr", "initial_lr"} & given.keys():
        if require_single_number(given[name], f"{where}.{name}") < 0:
            raise unexpected(f"{where}.{name}", given[name], "0 or more")


def require_setting(needed: Any, saved: Any, where: str) -> None:
    """Raise NotACheckpoint unless a setting has the type of the optimizer's own, and its numbers are finite."""
    if needed is None or isinstance(needed, bool):
        # A switch that is None is chosen by torch.
        if not isinstance(saved, bool | None):
            raise unexpected(where, saved, "true, false or none")
    elif isinstance(needed, int | float):
        require_number(saved, where)
    elif isinstance(needed, Tensor):
        require_tensor(saved, needed.shape, where)
    elif isinstance(needed, list | tuple):
        if not isinstance(saved, list | tuple) or len(saved) != len(needed):
            raise unexpected(where, saved, f"{len(needed)} values")
        for part, given in zip(needed, saved, strict=True):
            require_setting(part, given, where)
    elif type(saved) is not type(needed):
        raise unexpected(where, saved, f"a {type(needed).__name__}")


def kept_state(optimizer: Optimizer, groups: Sequence[Mapping[str, Any]], where: str) -> Kept:
    """Return what the optimizer keeps of a weight: from its start, or else after a step with the saved settings.

    Empty for an optimizer that cannot take a step by itself. Raises NotACheckpoint if only the settings prevent it.
    """
    if optimizer.state:
        return {
            (number, weight.shape): optimizer.state[weight]
            for number, group in enumerate(optimizer.param_groups)
            for weight in group[PARAMETERS]
        }
    own = [without_parameters(group) for group in optimizer.param_groups]
    shapes = [list({weight.shape: None for weight in group[PARAMETERS]}) for group in optimizer.param_groups]
    try:
        return step_on_zeros(optimizer, [without_parameters(group) for group in groups], shapes)
    # An optimizer may refuse its settings by any error.
    except Exception as error:
        refusal = NotACheckpoint(f"{where}.param_groups: the optimizer refuses its settings: {one_line(error)}")
    try:
        step_on_zeros(optimizer, own, shapes)
    except Exception:
        # A step that can be captured in a CUDA graph is possible on a GPU alone, and keeps the same.
        with suppress(Exception):
            return step_on_zeros(optimizer, [{**group, "capturable": False} for group in own], shapes)
        return {}
    raise refusal


def without_parameters(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a group."""
    return {name: value for name, value in group.items() if name != PARAMETERS}


def step_on_zeros(
    optimizer: Optimizer, groups: Sequence[Mapping[str, Any]], shapes: Sequence[Sequence[torch.Size]]
) -> Kept:
    """Return the optimizer's state after a step with each group's settings on weights of these shapes, which are 0."""
    optimizer.state.clear()
    weights = [[nn.Parameter(torch.zeros(shape)) for shape in group] for group in shapes]
    for group, settings, parameters in zip(optimizer.param_groups, groups, weights, strict=True):
        group.update(deepcopy(dict(settings)))
        group[PARAMETERS] = parameters
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return {(n, weight.shape): optimizer.state[weight] for n, group in enumerate(weights) for weight in group}


def require_state(weight: Tensor, kept: Mapping[str, Any], saved: Any, where: str) -> None:
    """Raise NotACheckpoint unless the state of one weight is empty, or what an optimizer keeps of such a weight."""
    given = require_dict(saved, where)
    if not given:
        return
    for name, value in kept.items():
        require_kept(value, entry(given, name), f"{where}.{name}")
    for name in given.keys() - kept.keys():
        if isinstance(given[name], Tensor):
            require_tensor(given[name], torch.Size() if given[name].numel() == 1 else weight.shape, f"{where}.{name}")
    step = given.get("step", 0)
    if require_single_number(step, f"{where}.step") < 0:
        raise unexpected(f"{where}.step", step, "0 or more")


def require_kept(needed: Any, saved: Any, where: str) -> None:
    """Raise NotACheckpoint unless a value that an optimizer keeps is of the same kind and shape as its own."""
    if isinstance(needed, Tensor):
        require_tensor(saved, needed.shape, where)
    elif isinstance(needed, int | float):
        require_number(saved, where)
    elif needed is None and not isinstance(saved, Missing | None):
        raise unexpected(where, saved, "none")


def require_single_number(value: Any, where: str) -> float:
    """Return a finite number, which may be that of a tensor of one element; raises NotACheckpoint for anything else."""
    if isinstance(value, Tensor):
        require_tensor(value, torch.Size(), where)
        value = value.item()
    return require_number(value, where)


def require_tensor(value: Any, shape: torch.Size, where: str) -> None:
    """Raise NotACheckpoint unless a value is a floating tensor of this shape; of one element, it may have any axes.

    Its elements must lie in memory without gaps or overlaps, in any order.
    """
    if not isinstance(value, Tensor) or not (value.shape == shape or value.numel() == shape.numel() == 1):
        raise unexpected(where, value, f"a tensor {tuple(shape)}")
    if not value.is_floating_point() or value.dtype.itemsize == 1:
        raise unexpected(where, value, "a tensor of floating-point numbers")
    if not is_dense(value):
        raise unexpected(where, value, "a tensor without gaps or overlaps in memory")


def is_dense(tensor: Tensor) -> bool:
    """Return whether the elements of a tensor lie in memory without gaps or overlaps, in the order of any axes."""
    if tensor.numel() == 0:
        return True
    needed = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride != needed:
                return False
            needed *= size
    return True
