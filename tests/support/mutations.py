"""Changes of nested plain values for property-based tests: a value removed, or replaced by one of another kind."""

import copy

import torch
from hypothesis import strategies as st

NUMBERS = [-1, 0, 1, 3, 2**40, 2**70, -0.5, float("nan"), float("inf"), True]
OTHERS = [None, "", "x", "a/../b", [], [1], {}, {"a": 1}]


def places(value, where=()):
    """Yield the path of every value within a nested one."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, part in entries:
        yield (*where, key)
        yield from places(part, (*where, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def replaced(value, path, new):
    """Return a copy of a nested value with ``new`` at the path; without anything there if it is ``removed``."""
    if not path:
        return new
    key, *rest = path
    parts = dict(value) if isinstance(value, dict) else list(value)
    parts[key] = replaced(parts[key], rest, new)
    if parts[key] is removed:
        del parts[key]
    return tuple(parts) if isinstance(value, tuple) else parts


def removed():
    """Stands for no value."""


def tensors_like(tensor):
    """Return tensors that differ from one in a single respect."""
    flat = tensor.flatten()
    types = [torch.int64, torch.bool, torch.float64, torch.float16, torch.complex64]
    others = [tensor.to(kind) for kind in types] + [torch.cat([flat, flat]), flat[:0], flat, tensor.unsqueeze(0)]
    return [*others, -tensor.float(), tensor.float() * float("nan"), flat[:1].expand(max(1, tensor.numel()))]


@st.composite
def mutated(draw, value, numbers=NUMBERS):
    """Draw a copy of a nested value with one to three changes."""
    value = copy.copy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*places(value)]))
        old = at(value, path)
        kinds = tensors_like(old) if isinstance(old, torch.Tensor) and old.numel() else [torch.zeros(2)]
        value = replaced(value, path, draw(st.sampled_from([removed, *kinds, *numbers, *OTHERS])))
    return value


def plain(values):
    """Return a strategy's values without their tensors, which a text cannot hold."""
    return values.filter(lambda value: not any(isinstance(at(value, path), torch.Tensor) for path in places(value)))
