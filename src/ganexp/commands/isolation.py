"""What a run changes of its process, put back for the next run of a sweep."""

from collections.abc import Iterator
from contextlib import contextmanager

from ganexp.numerics import restored


@contextmanager
def contained() -> Iterator[None]:
    """Put back torch's switches, which a run and its Trainer set and never reset."""
    with restored():
        yield
