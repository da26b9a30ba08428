"""GPU memory: out-of-memory reports, peak usage, and the gradient accumulation that would fit."""

import re
from dataclasses import dataclass

import torch

from ganexp.distributed.devices import is_gpu

MEBIBYTE = 1 << 20
UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": MEBIBYTE, "GiB": 1 << 30}
AMOUNT = rf"([\d.]+) ({'|'.join(UNITS)})"
USABLE = 0.9
"""The share of the memory that an estimate fills, since fragmentation takes some of it."""
COPIES_OF_WEIGHTS = 4
"""Weights, their gradients and Adam's two moments, whose size does not depend on the batch."""


@dataclass(frozen=True)
class Shortage:
    """The figures that torch reports when an allocation fails, in bytes."""

    requested: int
    capacity: int
    free: int
    allocated: int
    """By torch's tensors."""
    in_use: int | None
    """By this process, with the CUDA context; None if torch does not report it."""

    @property
    def available(self) -> int:
        """The bytes that this process holds or could still allocate."""
        return self.capacity if self.in_use is None else self.free + self.in_use


def read_shortage(text: str) -> Shortage | None:
    """Return the figures in the message of a torch.OutOfMemoryError, None if the message has none."""
    amounts = {
        "requested": parse_bytes(rf"Tried to allocate {AMOUNT}", text),
        "capacity": parse_bytes(rf"total capacity of {AMOUNT}", text),
        "free": parse_bytes(rf"of which {AMOUNT} is free", text),
        "allocated": parse_bytes(rf"{AMOUNT} is allocated by PyTorch", text),
    }
    parsed = {name: value for name, value in amounts.items() if value is not None}
    if len(parsed) < len(amounts):
        return None
    return Shortage(**parsed, in_use=parse_bytes(rf"this process has {AMOUNT} memory in use", text))


def parse_bytes(pattern: str, text: str) -> int | None:
    """Return the bytes in the first match of a pattern with a number and a unit, None if there is no match."""
    match = re.search(pattern, text)
    return None if match is None else round(float(match[1]) * UNITS[match[2]])


def fitting_accumulation(shortage: Shortage, images: int, accumulate: int, fixed: int) -> int | None:
    """Estimate the smallest larger ``model.accumulate`` that fits; None if no divisor of the batch does.

    ``images`` is the batch size of one rank, ``fixed`` the bytes that do not depend on it. Memory at the failed
    allocation is taken as the peak, and everything beyond ``fixed`` as proportional to the images per pass.
    """
    activations = max(0, shortage.allocated + shortage.requested - fixed)
    for parts in range(accumulate + 1, images + 1):
        if images % parts == 0 and fixed + activations * accumulate / parts <= USABLE * shortage.available:
            return parts
    return None


def out_of_memory_advice(error: BaseException, images: int, accumulate: int, fixed: int) -> str:
    """Return a one-line message for a torch.OutOfMemoryError in training: the memory figures and the remedy.

    ``images``, ``accumulate`` and ``fixed`` are those of :func:`fitting_accumulation`.
    """
    shortage = read_shortage(str(error))
    if shortage is None:
        return "the device's memory is full: lower data.batch_size, or raise model.accumulate"
    parts = fitting_accumulation(shortage, images, accumulate, fixed)
    advice = (
        f"by a first estimate model.accumulate={parts} fits, {images // parts} of {images} images at once; or lower "
        "data.batch_size"
        if parts is not None
        else "by a first estimate not even one image at once fits: choose a smaller network or data.image_size, or "
        "trainer.precision=bf16-mixed"
    )
    return f"the GPU's memory is full: {describe_shortage(shortage)}; {advice}"


def describe_shortage(shortage: Shortage) -> str:
    """Describe the memory at a failed allocation."""
    used = "" if shortage.in_use is None else f" (this process held {format_bytes(shortage.in_use)})"
    return (
        f"{format_bytes(shortage.free)} of {format_bytes(shortage.capacity)} were free{used}, "
        f"{format_bytes(shortage.requested)} more were needed"
    )


def out_of_memory_message(error: BaseException) -> str:
    """Return a one-line message for a torch.OutOfMemoryError of any command."""
    shortage = read_shortage(str(error))
    return "the device's memory is full" + ("" if shortage is None else f": {describe_shortage(shortage)}")


def format_bytes(count: float) -> str:
    """Format bytes in GiB, or in MiB below one GiB."""
    return f"{count / UNITS['GiB']:.1f} GiB" if count >= UNITS["GiB"] else f"{count / MEBIBYTE:.0f} MiB"


def peak_bytes(device: torch.device) -> int | None:
    """Return the peak memory of torch's tensors on a GPU, None on any other device."""
    return torch.cuda.max_memory_allocated(device) if is_gpu(device) else None


def reset_peak(device: torch.device) -> None:
    """Let a GPU's peak be measured from now on."""
    if is_gpu(device):
        torch.cuda.reset_peak_memory_stats(device)


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that torch can still allocate on a GPU, None on any other device."""
    if not is_gpu(device):
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def usage(device: torch.device) -> dict[str, int] | None:
    """Return peak allocated, peak reserved and total GPU memory in MiB, None on any other device."""
    if not is_gpu(device):
        return None
    return {
        "peak_mib": torch.cuda.max_memory_allocated(device) // MEBIBYTE,
        "reserved_peak_mib": torch.cuda.max_memory_reserved(device) // MEBIBYTE,
        "device_mib": torch.cuda.get_device_properties(device).total_memory // MEBIBYTE,
    }
