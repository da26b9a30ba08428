"""Global flags of torch, restored after each run of a sweep."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored_torch_flags() -> Iterator[None]:
    """Restore torch's global flags, which a Trainer sets and never resets."""
    import torch

    benchmark = torch.backends.cudnn.benchmark
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
