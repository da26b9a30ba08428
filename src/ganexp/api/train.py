"""Training from Python, in the same way as by the command line."""

from collections.abc import Sequence

from ganexp.api.overrides import require_overrides
from ganexp.api.trained_model import TrainedModel
from ganexp.cli import train as command
from ganexp.numerics.flags import prepare_cublas
from ganexp.runs import run_folder


def train(overrides: Sequence[str] = ()) -> TrainedModel:
    """Train with overrides of the configuration, such as ``["model=dcgan", "data=mnist"]``, and return the model.

    They are those of ``python -m ganexp``, which trains the same weights; ``resume=DIR`` continues a run. In a notebook
    progress is a line that is updated in place. Raises UserError for a mistake, and Interrupted, with the checkpoint
    saved, if the kernel is interrupted.
    """
    prepare_cublas()
    require_overrides(overrides)
    run = command.main(list(overrides))
    assert run is not None

    from ganexp.api.load import restored

    # Built from the configuration that was just trained with, whose code needs no further trust.
    return restored(run.starting_from(run_folder.last_checkpoint(run.folder)))
