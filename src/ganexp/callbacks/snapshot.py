"""Snapshots of a checkpoint's contents in host memory, which later training steps leave as they are."""

import copy
from collections.abc import Hashable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

Place = tuple[Hashable, ...]
"""The keys that lead to a value of a checkpoint."""

PLAIN = (Tensor, nn.Parameter)


class Snapshot:
    """Copies nested dictionaries, lists and tuples of tensors and plain values.

    Tensors are copied to host memory, which the next copy uses again: new memory costs several times as much as the
    copy itself. So a copy is valid until the next one is taken. What shares memory, such as tied weights, does so in
    the copy. On a GPU's side the memory is pinned, so that it is copied at the speed of the bus.
    """

    def __init__(self) -> None:
        self._buffers: dict[Place, Tensor] = {}
        self._postponed: list[tuple[Tensor, Tensor]] = []

    def take(self, contents: dict[str, Any], later: Iterable[Tensor] = ()) -> dict[str, Any]:
        """Return a copy of the contents, to which ``complete`` adds the tensors ``later`` of host memory."""
        copying = Copying(self._buffers, later)
        copied: dict[str, Any] = copying.copied(contents, ())
        if copying.on_gpu:
            torch.cuda.synchronize()
        self._buffers, self._postponed = copying.used, copying.postponed
        return copied

    def complete(self) -> None:
        """Copy the tensors that were left for later, which must not have changed since ``take``; in any thread."""
        postponed, self._postponed = self._postponed, []
        for buffer, tensor in postponed:
            buffer.copy_(tensor)


class Copying:
    """One copy in progress, of all but the tensors ``later``, which takes its memory from ``buffers`` where it fits.

    ``used`` is the memory that it uses, ``postponed`` the pairs of memory and tensor that are still to be copied, and
    ``on_gpu`` whether copies from a GPU are still under way.
    """

    def __init__(self, buffers: dict[Place, Tensor], later: Iterable[Tensor]) -> None:
        self.buffers = buffers
        self.later = {memory_of(tensor.detach()) for tensor in later if tensor.device.type == "cpu"} - {None}
        self.used: dict[Place, Tensor] = {}
        self.postponed: list[tuple[Tensor, Tensor]] = []
        self.on_gpu = False
        self._shared: dict[Hashable, Tensor] = {}

    def copied(self, node: Any, place: Place) -> Any:
        """Return a copy of the node at a place of the contents."""
        if isinstance(node, Tensor):
            return self.copied_tensor(node.detach(), place)
        if isinstance(node, dict):
            # Attributes are kept too: the modules' versions are one of the weights' dictionary.
            children = copy.copy(node)
            children.update({key: self.copied(value, (*place, key)) for key, value in node.items()})
            return children
        if type(node) in (list, tuple):
            return type(node)(self.copied(value, (*place, number)) for number, value in enumerate(node))
        return copy.deepcopy(node)

    def copied_tensor(self, tensor: Tensor, place: Place) -> Tensor:
        """Return a copy of a tensor in host memory."""
        if tensor.layout is not torch.strided or tensor.is_quantized:
            return copy.deepcopy(tensor).cpu()
        memory = memory_of(tensor)
        if memory in self._shared:
            return self._shared[memory]
        buffer = self.buffer(tensor, place)
        if memory in self.later:
            self.postponed.append((buffer, tensor))
        else:
            buffer.copy_(tensor, non_blocking=True)
        self.on_gpu = self.on_gpu or tensor.is_cuda
        self.used[place] = buffer
        if memory is not None:
            self._shared[memory] = buffer
        return buffer

    def buffer(self, tensor: Tensor, place: Place) -> Tensor:
        """Return host memory for a tensor, with its strides if they are dense."""
        buffer = self.buffers.get(place)
        if buffer is not None and layout_of(buffer) == layout_of(tensor):
            return buffer
        return torch.empty_like(tensor, device="cpu", pin_memory=tensor.is_cuda)


def layout_of(tensor: Tensor) -> tuple[Hashable, ...]:
    """Return what two tensors must have in common for one to be copied into the other's memory."""
    return tensor.shape, tensor.stride(), tensor.dtype


def memory_of(tensor: Tensor) -> Hashable | None:
    """Return what identifies a tensor's memory, None if it has no memory of its own."""
    if type(tensor) not in PLAIN or tensor.data_ptr() == 0:
        return None
    return tensor.device, tensor.data_ptr(), layout_of(tensor)
