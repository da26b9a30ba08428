"""GPU checks before training: the requested GPUs exist, work and have free memory."""

import os
import re
from collections.abc import Mapping
from typing import Any

from ganexp.distributed.gpu_memory import MEBIBYTE, format_bytes
from ganexp.errors import UserError
from ganexp.training import launcher

MIN_FREE = 512 * MEBIBYTE
"""Free memory below which CUDA's libraries and the smallest network do not fit."""
AMPERE = 8
"""The first compute capability with bfloat16 arithmetic."""
CPU_ADVICE = "trainer=cpu trains on the processor"
CUDA = ("gpu", "cuda")


def require_gpus(trainer: Mapping[str, Any]) -> None:
    """Raise UserError if the trainer requests GPUs that this machine does not have or torch cannot use.

    Allocates no GPU memory: in a run on several devices, the process that calls this does not train.
    """
    import torch

    accelerator = trainer.get("accelerator")
    if accelerator not in CUDA or (accelerator == "gpu" and torch.backends.mps.is_available()):
        return
    require_count(trainer, torch.cuda.device_count())
    reason = cuda_failure()
    if reason is not None:
        raise UserError(f"trainer.accelerator={accelerator}: {reason}; {CPU_ADVICE}")


def require_count(trainer: Mapping[str, Any], available: int) -> None:
    """Raise UserError if the trainer requests more GPUs than are available, or an index that none has."""
    has = f"this machine has {available or 'no'} GPU{'s' * (available != 1)}{visible_devices_note()}"
    requested = f"trainer.devices={trainer.get('devices')}: {has}"
    absent = [number for number in listed_gpus(trainer) or [] if number >= available]
    if available and absent:
        which = "only number 0" if available == 1 else f"numbers 0 to {available - 1}"
        raise UserError(f"{requested}, {which}; trainer=ddp uses all there are")
    if launcher.devices(trainer) > max(1, available):
        raise UserError(f"{requested}; trainer=ddp uses all there are, trainer=ddp_cpu processors")


def visible_devices_note() -> str:
    """Return CUDA_VISIBLE_DEVICES and its value in brackets, an empty string if it is not set."""
    name = "CUDA_VISIBLE_DEVICES"
    return f" ({name}={os.environ[name]})" if name in os.environ else ""


def listed_gpus(trainer: Mapping[str, Any]) -> list[int] | None:
    """Return the GPU indices if the trainer lists them, such as [0, 3] or "0,3", and None if it gives a count."""
    devices = trainer.get("devices", 1)
    if isinstance(devices, str) and "," in devices:
        devices = [part for part in devices.split(",") if part.strip()]
    if isinstance(devices, int | str):
        return None
    return [int(number) for number in devices]


def cuda_failure() -> str | None:
    """Return the reason why torch cannot use this machine's GPUs, None if it can."""
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return explain_cuda_error(str(error))
    return None


def explain_cuda_error(text: str) -> str:
    """Return torch's error about the driver as one clause with its remedy."""
    import torch

    if "too old" in text:
        version = re.search(r"found version (\d+)", text)
        supports = f" (it supports CUDA {int(version[1]) // 1000}.{int(version[1]) % 1000 // 10})" if version else ""
        return (
            f"the NVIDIA driver is too old{supports} for this torch, which needs CUDA {torch.version.cuda}: update the "
            "driver, or install a torch that was built for an older CUDA"
        )
    if "no NVIDIA driver" in text:
        return "this machine has no GPU, or no NVIDIA driver"
    if "not compiled with CUDA" in text:
        return "this build of torch has no CUDA support"
    return f"torch cannot use the GPU ({' '.join(text.split()).partition('. ')[0]})"


def require_usable(trainer: Mapping[str, Any]) -> None:
    """Raise UserError if this process's GPU lacks the bfloat16 that the trainer requests, or has no free memory.

    Called on each rank before anything is built. Does nothing when training on another kind of device.
    """
    import torch

    accelerator = trainer.get("accelerator")
    if accelerator not in (*CUDA, "auto") or not torch.cuda.is_available():
        return
    device = local_device(trainer)
    try:
        name = f"GPU {device} ({torch.cuda.get_device_name(device)})"
        require_bfloat16(str(trainer.get("precision")), name, torch.cuda.get_device_capability(device))
        free, capacity = torch.cuda.mem_get_info(device)
    except RuntimeError as error:
        raise UserError(f"GPU {device} cannot be used ({first_line(error)}): {other_gpu()}") from error
    if free < MIN_FREE:
        raise UserError(
            f"{name} is full: {format_bytes(free)} of {format_bytes(capacity)} are free, other programs hold the rest "
            f"(nvidia-smi lists them): {other_gpu()}"
        )


def require_bfloat16(precision: str, name: str, capability: tuple[int, int]) -> None:
    """Raise UserError for bfloat16 on an NVIDIA card older than Ampere, where torch only emulates it."""
    import torch

    if precision.startswith("bf16") and torch.version.hip is None and capability[0] < AMPERE:
        raise UserError(
            f"trainer.precision={precision}: {name} has no bfloat16, which needs compute capability 8.0 and has "
            f"{capability[0]}.{capability[1]}; choose trainer.precision=16-mixed or 32-true"
        )


def local_device(trainer: Mapping[str, Any]) -> int:
    """Return the index of the GPU on which this process trains."""
    rank = int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", 0)))
    indices = listed_gpus(trainer)
    return indices[rank] if indices is not None and rank < len(indices) else rank


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).partition("\n")[0].strip()


def other_gpu() -> str:
    """Return the advice for a GPU that is unusable at the moment."""
    return f"choose another by trainer.devices=[N], or wait; {CPU_ADVICE}"
