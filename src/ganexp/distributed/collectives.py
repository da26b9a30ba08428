"""What the processes that train together agree on; alone, a process agrees with itself."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def count() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@torch.no_grad()
def average(tensors: Sequence[Tensor]) -> None:
    """Replace tensors by their means over all ranks, which have as many of the same shapes, in one reduction a type."""
    ranks = count()
    if ranks > 1:
        _together(tensors, lambda numbers: (dist.all_reduce(numbers), numbers.div_(ranks)))


@torch.no_grad()
def broadcast_from_first(tensors: Sequence[Tensor]) -> None:
    """Replace tensors by those of the first rank."""
    if count() > 1:
        _together(tensors, lambda numbers: dist.broadcast(numbers, 0))


def mean(tensor: Tensor) -> Tensor:
    """Return the mean of a tensor over all ranks, without its gradient."""
    found = tensor.detach().clone()
    average([found])
    return found


def deviation(tensor: Tensor) -> Tensor:
    """Return the standard deviation of all numbers of all ranks, which have as many each, as a scalar."""
    tensor = tensor.detach()
    return mean((tensor - mean(tensor.mean())).square().mean()).sqrt()


def _together(tensors: Sequence[Tensor], exchange: Callable[[Tensor], object]) -> None:
    """Exchange all numbers of a type at once: what is sent one by one waits for the network each time."""
    alike: dict[tuple[torch.dtype, torch.device], list[Tensor]] = defaultdict(list)
    for tensor in tensors:
        alike[tensor.dtype, tensor.device].append(tensor)
    for group in alike.values():
        numbers = torch.cat([tensor.reshape(-1) for tensor in group])
        exchange(numbers)
        parts = numbers.split([tensor.numel() for tensor in group])
        torch._foreach_copy_(group, [part.view_as(tensor) for part, tensor in zip(parts, group, strict=True)])


class AsyncMax:
    """Asks all ranks for a number, and never waits for them: the answer is the largest of the numbers before.

    Alone it answers at once.
    """

    def __init__(self) -> None:
        # Numbers on the processor, so that no device is waited for.
        elsewhere = count() > 1 and dist.get_backend() != "gloo"
        self.group: Any = dist.new_group(backend="gloo") if elsewhere else None
        self.asked = torch.zeros(1, dtype=torch.long)
        self.under_way: dist.Work | None = None

    def ask(self, number: int) -> int:
        """Return the largest number that any rank gave the last time; each rank asks as often."""
        if count() == 1:
            return number
        answer = self.end()
        self.asked = torch.tensor([number])
        self.under_way = dist.all_reduce(self.asked, dist.ReduceOp.MAX, self.group, async_op=True)
        return answer

    def end(self) -> int:
        """Wait for what is under way, and return the answer."""
        if self.under_way is not None:
            self.under_way.wait()
            self.under_way = None
        return int(self.asked)
