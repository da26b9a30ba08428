"""Divergence, recognized by whichever part of training is the first to see values that are not finite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ganexp.callbacks.checkpoints import require_finite_weights
from ganexp.errors import Diverged, Interrupted, NotFinite, UserError

UNRELATED = (UserError, Interrupted, OSError, torch.cuda.OutOfMemoryError)
"""Errors that have another cause whatever the weights are."""


@contextmanager
def divergence_recognized(module: Any) -> Iterator[None]:
    """Raise Diverged in place of any error of training that comes of values that are not finite.

    Curves and checkpoints look for them, but sample grids, scores, the doctor and a user's own code may meet them
    earlier, and fail in many ways.
    """
    try:
        yield
    except NotFinite as error:
        raise Diverged(error.what) from error
    except UNRELATED:
        raise
    except Exception as error:
        try:
            require_finite_weights(module)
            module.loss_history.require_finite_on_this_rank(module.images_seen)
        except Diverged as divergence:
            raise divergence from error
        raise
