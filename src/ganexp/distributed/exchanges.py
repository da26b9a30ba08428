"""Exchanges between ranks that a computation makes."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class Exchanges(TorchDispatchMode):
    """Counts, inside of its context, the collective operations of torch.distributed, also those of nn.SyncBatchNorm."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation, and count it if it is one of torch.distributed's."""
        self.count += func.namespace == "c10d"
        return func(*args, **(kwargs or {}))
