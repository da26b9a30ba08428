"""Global torch flags, restored after each run of a sweep."""

from collections.abc import Iterator
from contextlib import contextmanager

from ganexp.numerics.flags import restored_flags


@contextmanager
def restored_torch_flags() -> Iterator[None]:
    """Restore torch's global flags, which a run and its Trainer set and never reset."""
    with restored_flags():
        yield
