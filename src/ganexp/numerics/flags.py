"""Numerical flags of PyTorch: deterministic algorithms, TF32, and full float32 for scores."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

CUBLAS_WORKSPACE = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""Without it cuBLAS may choose another algorithm in each call; read when the CUDA context is created."""

SCORES = {"matmul_precision": "highest", "tf32": False, "deterministic": True, "channels_last": False}
"""Numerical settings of every score, as recorded in its protocol."""


@dataclass(frozen=True)
class Numerics:
    """Numerical settings of a run on a GPU; on a CPU only ``channels_last`` matters.

    ``deterministic``: bit-identical results in each run. ``tf32``: float32 convolutions and matrix products use 10
    bits of mantissa instead of 23. ``channels_last``: 4-dimensional weights and images are stored as (N, H, W, C).
    """

    deterministic: bool = True
    tf32: bool = False
    channels_last: bool = False


def numerics_of(numerics: Mapping[str, Any] | None, trainer: Mapping[str, Any]) -> Numerics:
    """Return the numerical settings of a run from its groups ``numerics`` and ``trainer``, whose flags take precedence.

    Without ``numerics``, in a run from before the group existed, it is deterministic unless cuDNN benchmarks algorithms
    (``trainer.benchmark``).
    """
    given = dict(numerics or {"deterministic": not trainer.get("benchmark")})
    if trainer.get("deterministic") is not None:
        given["deterministic"] = bool(trainer["deterministic"])
    return Numerics(**given)


def prepare_cublas() -> None:
    """Set cuBLAS's workspace to a fixed size; called before anything is computed on a GPU."""
    for name, value in CUBLAS_WORKSPACE.items():
        os.environ.setdefault(name, value)


def apply_numerics(numerics: Numerics, device_type: str, benchmark: bool = False, warn_only: bool = False) -> None:
    """Set torch's global flags for a run; ``restored_flags`` restores them.

    On a CPU nothing changes: its kernels are deterministic, and some would become slower.
    """
    if device_type != "cuda":
        return
    import torch
    import torch.utils.deterministic

    prepare_cublas()
    torch.backends.cudnn.allow_tf32 = numerics.tf32
    torch.backends.cuda.matmul.allow_tf32 = numerics.tf32
    torch.backends.cudnn.deterministic = numerics.deterministic
    torch.backends.cudnn.benchmark = benchmark
    torch.use_deterministic_algorithms(numerics.deterministic, warn_only=warn_only)
    # Filling costs time, and no uninitialized memory is ever read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def restored_flags() -> Iterator[None]:
    """Restore torch's global flags on exit."""
    import torch
    import torch.utils.deterministic

    flags: list[tuple[Any, str]] = [
        (torch.backends.cudnn, "allow_tf32"),
        (torch.backends.cuda.matmul, "allow_tf32"),
        (torch.backends.cudnn, "deterministic"),
        (torch.backends.cudnn, "benchmark"),
        (torch.utils.deterministic, "fill_uninitialized_memory"),
    ]
    before: list[tuple[Any, str, Any]] = []
    for owner, name in flags:
        # Torch raises if user code has set the flag through the newer fp32_precision, which is then left alone.
        with suppress(RuntimeError):
            before.append((owner, name, getattr(owner, name)))
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in full float32, without autocast or TF32, deterministically, whatever training uses; then restore all.

    An operation without a deterministic form only warns, as scores must not fail where training does not.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with ExitStack() as stack:
        stack.enter_context(restored_flags())
        for device_type in dict.fromkeys(("cpu", device)):
            stack.enter_context(torch.autocast(device_type, enabled=False))
        apply_numerics(Numerics(), device, warn_only=True)
        yield


@contextmanager
def contiguous_weights(module: Any) -> Iterator[None]:
    """Keep a module's weights in torch's default memory format inside the block, as after loading a checkpoint."""
    tensors = [tensor for tensor in (*module.parameters(), *module.buffers()) if tensor.dim() == 4]
    channels_last = [(tensor, tensor.data) for tensor in tensors if not tensor.is_contiguous()]
    for tensor, data in channels_last:
        tensor.data = data.contiguous()
    try:
        yield
    finally:
        # Back at the same addresses, which CUDA graphs read.
        for tensor, data in channels_last:
            tensor.data = data.copy_(tensor.data)


def operation_without_deterministic_form(error: BaseException) -> str | None:
    """Return the operation that torch refused under deterministic algorithms, None for other errors."""
    name, matched, _ = str(error).partition(" does not have a deterministic implementation")
    return name.split()[-1] if matched and name.split() else None
