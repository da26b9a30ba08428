"""Placement of training data: copied to the training device once, or batch by batch from the host."""

from collections.abc import Callable, Sequence

import torch

from ganexp.data.device import OnDevice
from ganexp.data.memory import InMemory
from ganexp.data.storage import Store, megabytes
from ganexp.distributed.gpu_memory import free_memory
from ganexp.errors import UserError

DEVICE_MEMORY_SHARE = 0.25
"""The default of ``data.device_memory_share``."""


class Placement:
    """Copies of training data on a device, if they take at most a share of its free memory (0: never).

    Raises UserError if share is not within [0, 1].
    """

    def __init__(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise UserError(
                f"data.device_memory_share={share:g}: give the share of the GPU's free memory that training data may "
                "take, from 0 (none) to 1."
            )
        self.share = share
        self.device_bytes = 0
        """The bytes of the copies, on one device."""
        self._copies: dict[torch.device, tuple[OnDevice, ...]] = {}

    def copies(
        self, stores: Sequence[Store], device: torch.device, report: Callable[[str], None], reason: str | None = None
    ) -> tuple[OnDevice, ...] | None:
        """Return the stores' copies on a device; None where batches must come from the host.

        They must for another ``reason``, on the CPU, or if `reason_for_host` has one. ``report`` gets one line about
        a device other than the CPU. Ranks need not agree, since the batches are the same.
        """
        if device in self._copies:
            return self._copies[device]
        free = free_memory(device)
        if device.type == "cpu" and free is None:
            return None
        reason = reason or reason_for_host(stores, self.share, free)
        if reason is not None:
            report(f"batches are copied from the host to {device}: {reason}")
            return None
        # A store that is both inputs and targets is copied once.
        copied = {id(store): OnDevice(store, device) for store in stores if isinstance(store, InMemory)}
        self._copies[device] = tuple(copied[id(store)] for store in stores)
        self.device_bytes = bytes_of(stores)
        report(f"{megabytes(self.device_bytes)} are copied to {device} once, and batches are indexed there")
        return self._copies[device]

    def release(self) -> None:
        """Free the memory of all copies; their next batch copies the data again."""
        for copies in self._copies.values():
            for copy in copies:
                copy.release()


def bytes_of(stores: Sequence[Store]) -> int:
    """Return the bytes of images and labels in memory; a store that is given twice counts once, one on disk as 0."""
    held = {id(store): store for store in stores if isinstance(store, InMemory)}
    tensors = [tensor for store in held.values() for tensor in (store.images, store.labels) if tensor is not None]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def reason_for_host(stores: Sequence[Store], share: float, free: int | None) -> str | None:
    """Return the reason why batches must come from the host; None if the stores may be copied to the device.

    They may if all of them are in memory and together take at most ``share`` of the device's ``free`` bytes, None if
    unknown.
    """
    if share == 0:
        return "data.device_memory_share=0"
    if not all(isinstance(store, InMemory) for store in stores):
        return "the data are left on disk"
    if free is None:
        return "its free memory is unknown"
    size = bytes_of(stores)
    if size > share * free:
        return f"{megabytes(size)} are more than data.device_memory_share={share:g} of its free {megabytes(free)}"
    return None
