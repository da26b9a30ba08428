"""Collective operations over the ranks of a distributed run; with a single process each is the identity."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ganexp.distributed.heartbeat import heartbeat


def count() -> int:
    """Return the number of ranks."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@torch.no_grad()
def average(tensors: Sequence[Tensor]) -> None:
    """Average tensors over all ranks in place, one reduction per dtype; all ranks pass the same shapes in order."""
    ranks = count()
    if ranks > 1:
        _coalesced(tensors, lambda buffer: (dist.all_reduce(buffer), buffer.div_(ranks)))


@torch.no_grad()
def broadcast_from_first(tensors: Sequence[Tensor]) -> None:
    """Replace tensors in place by those of rank 0."""
    if count() > 1:
        _coalesced(tensors, lambda buffer: dist.broadcast(buffer, 0))


def mean(tensor: Tensor) -> Tensor:
    """Return the mean of a tensor over all ranks, without its gradient."""
    averaged = tensor.detach().clone()
    average([averaged])
    return averaged


def deviation(tensor: Tensor) -> Tensor:
    """Return the standard deviation over the values of all ranks, a scalar; every rank has equally many."""
    tensor = tensor.detach()
    return mean((tensor - mean(tensor.mean())).square().mean()).sqrt()


def gathered(tensor: Tensor) -> Tensor:
    """Return the rows (R N, …) of all ranks in their order, of a tensor (N, …) that is equally large on each.

    The gradient of a rank's rows is the sum of those that all ranks have of them: where each rank computes the same
    loss from all rows, the mean of the ranks' gradients is that of a single process.
    """
    if count() == 1:
        return tensor
    rows: Tensor = _Gathered.apply(tensor)
    return rows


def first_rows(tensor: Tensor, rows: int) -> Tensor:
    """Return this rank's part (rows, …) of the first rows of a global batch, whose part (N, …) each rank has."""
    rank = dist.get_rank() if count() > 1 else 0
    return gathered(tensor)[rank * rows : (rank + 1) * rows]


def own_rows(rows: Tensor) -> Tensor:
    """Return this rank's rows (N, …) of the rows (R N, …) of all ranks."""
    ranks = count()
    return rows.unflatten(0, (ranks, -1))[dist.get_rank()] if ranks > 1 else rows


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        heartbeat.beat()
        parts = [torch.empty_like(tensor) for _ in range(count())]
        dist.all_gather(parts, tensor.contiguous())
        ctx.rows = len(tensor)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total.narrow(0, dist.get_rank() * ctx.rows, ctx.rows)


def _coalesced(tensors: Sequence[Tensor], exchange: Callable[[Tensor], object]) -> None:
    """Exchange the tensors of each dtype and device in one flat buffer, which costs one network round trip."""
    heartbeat.beat()
    groups: dict[tuple[torch.dtype, torch.device], list[Tensor]] = defaultdict(list)
    for tensor in tensors:
        groups[tensor.dtype, tensor.device].append(tensor)
    for group in groups.values():
        buffer = torch.cat([tensor.reshape(-1) for tensor in group])
        exchange(buffer)
        parts = buffer.split([tensor.numel() for tensor in group])
        torch._foreach_copy_(group, [part.view_as(tensor) for part, tensor in zip(parts, group, strict=True)])


class AsyncMax:
    """Maximum of a number over all ranks, one call late: each call starts a reduction and returns the previous one's.

    With a single process the number itself is returned.
    """

    def __init__(self) -> None:
        # Reduced on the CPU, so that no call waits for a GPU.
        needs_gloo = count() > 1 and dist.get_backend() != "gloo"
        self.group: Any = dist.new_group(backend="gloo") if needs_gloo else None
        self.value = torch.zeros(1, dtype=torch.long)
        self.work: dist.Work | None = None

    def ask(self, number: int) -> int:
        """Return the maximum of the ranks' previous numbers; all ranks call it equally often."""
        if count() == 1:
            return number
        previous = self.end()
        self.value = torch.tensor([number])
        self.work = dist.all_reduce(self.value, dist.ReduceOp.MAX, self.group, async_op=True)
        return previous

    def end(self) -> int:
        """Wait for the reduction in progress, and return its result."""
        if self.work is not None:
            self.work.wait()
            self.work = None
        return int(self.value)
