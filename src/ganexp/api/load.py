"""Loading of trained models from a run's folder, a published folder or the Hugging Face Hub."""

import os
from collections.abc import Sequence

from omegaconf import OmegaConf

from ganexp.api.trained_model import TrainedModel
from ganexp.config import composition
from ganexp.numerics.flags import prepare_cublas
from ganexp.publishing.trained_run import LAST, trained_run
from ganexp.runs import run_folder
from ganexp.runs.class_names import class_names_of
from ganexp.runs.run import Run
from ganexp.runs.scores import read_scores


def load(run: str | os.PathLike[str], checkpoint: str = LAST, trust: Sequence[str] = ()) -> TrainedModel:
    """Return the trained model of a run's folder, of a published folder or, as ``"hf://owner/name"``, of the Hub.

    ``checkpoint`` of a run's folder is ``"last"`` or ``"best"``. ``trust`` names code of your own that its
    configuration may name, such as ``"my_losses.Smoothed"``; none is executed otherwise, and weights are never
    unpickled. The model is on the fastest device. Raises UserError if there is no such model, or it does not fit its
    configuration.
    """
    prepare_cublas()
    composition.register_resolvers()
    return restored(trained_run(os.fspath(run), trust, checkpoint, groups=()))


def restored(run: Run) -> TrainedModel:
    """Return the model of a run with the weights of its checkpoint.

    Its configuration has its references resolved, and its scores are read.
    """
    from ganexp.runs.model import load_model

    model = load_model(run)
    config = run_folder.without_run_dir(OmegaConf.create(composition.resolve(run.config)))
    return TrainedModel(run.folder, model, config, read_scores(run.folder), class_names_of(run))
