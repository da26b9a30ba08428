"""Changes of nested plain values for property-based tests: a value removed, or replaced by one of another kind."""

from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import strategies as st

from ganexp.files.saved_values import brief

NUMBERS = [-1, 0, 1, 3, 2**40, 2**70, 10**4000, -0.5, float("nan"), float("inf"), True]
OTHERS = [None, "", "x", "a/../b", "${model}", "\x1b[31m", [], [1], {}, {"a": 1}, {0.0: 1}]
TENSORS = [torch.zeros(2), torch.tensor(1.0), torch.zeros(0), [torch.zeros(2)], {"a": torch.zeros(2)}, torch.float32]
"""Values that only a checkpoint has."""


class Mutated:
    """A changed copy of a nested value, shown by its changes alone, so that a failure says how to repeat them."""

    def __init__(self, value: Any, changes: Sequence[str]) -> None:
        self.value = value
        self.changes = changes

    def __repr__(self) -> str:
        return f"Mutated({'; '.join(self.changes)})"


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
def mutated(draw, value, others=(*NUMBERS, *OTHERS, *TENSORS)):
    """Draw a copy of a nested value with one to three changes."""
    changes = []
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*places(value)]))
        old = at(value, path)
        kinds = tensors_like(old) if isinstance(old, torch.Tensor) and old.numel() else []
        new = draw(st.sampled_from([removed, *kinds, *others]))
        value = replaced(value, path, new)
        changes.append(f"{list(path)} = {described(new)}")
    return Mutated(value, changes)


def described(value):
    """Return a few words for a new value."""
    if value is removed:
        return "nothing"
    return brief(value) if isinstance(value, torch.Tensor | int) else f"{value!r:.60}"
