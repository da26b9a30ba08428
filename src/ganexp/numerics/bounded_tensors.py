"""Bound on the tensors that a stranger's configuration may make."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganexp.errors import UserError

aten = torch.ops.aten
FACTORIES = {aten.empty.memory_format, aten.zeros.default, aten.ones.default, aten.full.default, aten.randn.generator}


class BoundedTensors(TorchDispatchMode):
    """Raises UserError in its block when a tensor has more values than ``most``, or all together have 4 times as many.

    Nothing is allocated for a tensor that is refused.
    """

    def __init__(self, most: int, what: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = most
        self.what = what
        self.made = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[Any], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func in FACTORIES:
            self.count(args[0])
        return func(*args, **(kwargs or {}))

    def count(self, shape: Sequence[int]) -> None:
        """Count a tensor of a shape that is about to be made."""
        values = prod(shape)
        self.made += values
        if values > self.most or self.made > 4 * self.most:
            raise UserError(
                f"{self.what} describes larger networks than its weights are: a tensor of {values:,} values"
            )
