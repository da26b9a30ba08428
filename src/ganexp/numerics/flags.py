"""Numerical settings of PyTorch: deterministic algorithms, TF32, and full float32 for scores."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

CUBLAS_WORKSPACE = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""Without it cuBLAS may choose another algorithm in each call; it is read when CUDA's context is created."""

SCORES = {"matmul_precision": "highest", "tf32": False, "deterministic": True, "channels_last": False}
"""What every score is computed with, as its protocol says it."""


@dataclass(frozen=True)
class Numerics:
    """How a run computes on a GPU; on a processor only ``channels_last`` matters.

    ``deterministic``: the same bits in each run. ``tf32``: convolutions and matrix products of float32 with 10 bits of
    mantissa in place of 23. ``channels_last``: weights and images of 4 dimensions lie in memory as (N, H, W, C).
    """

    deterministic: bool = True
    tf32: bool = False
    channels_last: bool = False


def numerics_of(config: Mapping[str, Any]) -> Numerics:
    """Return the settings in a run's configuration, plain or OmegaConf's; ``trainer.deterministic`` overrides.

    A configuration without ``numerics``, from before there were any, is deterministic unless its Trainer times
    algorithms (``trainer.benchmark``).
    """
    trainer = config.get("trainer") or {}
    given = dict(config.get("numerics") or {"deterministic": not trainer.get("benchmark")})
    if trainer.get("deterministic") is not None:
        given["deterministic"] = bool(trainer["deterministic"])
    return Numerics(**given)


def prepare_cublas() -> None:
    """Ask cuBLAS for a workspace of a fixed size; called before anything is computed on a GPU."""
    for name, value in CUBLAS_WORKSPACE.items():
        os.environ.setdefault(name, value)


def apply_numerics(numerics: Numerics, device_type: str, benchmark: bool = False, warn_only: bool = False) -> None:
    """Set torch's global switches for a run; ``restored_flags`` puts them back.

    On a processor nothing is changed: its kernels are deterministic, and some would become slower.
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
    # It fills memory that nobody reads.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def restored_flags() -> Iterator[None]:
    """Put torch's global switches back as they were."""
    import torch
    import torch.utils.deterministic

    places: list[tuple[Any, str]] = [
        (torch.backends.cudnn, "allow_tf32"),
        (torch.backends.cuda.matmul, "allow_tf32"),
        (torch.backends.cudnn, "deterministic"),
        (torch.backends.cudnn, "benchmark"),
        (torch.utils.deterministic, "fill_uninitialized_memory"),
    ]
    before: list[tuple[Any, str, Any]] = []
    for place, name in places:
        # Torch raises where a user's code has set it by the newer fp32_precision; then it is the user's.
        with suppress(RuntimeError):
            before.append((place, name, getattr(place, name)))
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in full float32: no autocast, no TF32, deterministic, whatever training uses; then put all back.

    An operation without a deterministic form warns, as scores must not fail where training may go on.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with ExitStack() as stack:
        stack.enter_context(restored_flags())
        for each in dict.fromkeys(("cpu", device)):
            stack.enter_context(torch.autocast(each, enabled=False))
        apply_numerics(Numerics(), device, warn_only=True)
        yield


@contextmanager
def contiguous_weights(module: Any) -> Iterator[None]:
    """Hold a module's weights in torch's default memory format meanwhile, as after loading them from a checkpoint."""
    import torch

    tensors = [each for each in (*module.parameters(), *module.buffers()) if each.dim() == 4]
    laid_out = [each for each in tensors if not each.is_contiguous()]
    for tensor in laid_out:
        tensor.data = tensor.data.contiguous()
    try:
        yield
    finally:
        for tensor in laid_out:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)


def operation_without_deterministic_form(error: BaseException) -> str | None:
    """Return the name of the operation that torch refused under deterministic algorithms, or None for other errors."""
    name, found, _ = str(error).partition(" does not have a deterministic implementation")
    return name.split()[-1] if found and name.split() else None
