"""Loading of trained models from a run's folder, a published folder or the Hugging Face Hub."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ganexp.api.trained_model import TrainedModel
from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.numerics.flags import prepare_cublas
from ganexp.publishing import layout
from ganexp.runs import run_folder
from ganexp.runs.class_names import read_class_names, valid_names
from ganexp.runs.run import Run, saved_run
from ganexp.runs.scores import read_scores

LAST = "last"


def load(run: str | os.PathLike[str], checkpoint: str = LAST, trust: Sequence[str] = ()) -> TrainedModel:
    """Return the trained model of a run's folder, of a published folder or, as ``"hf://owner/name"``, of the Hub.

    ``checkpoint`` of a run's folder is ``"last"`` or ``"best"``. ``trust`` names code of your own that its
    configuration may name, such as ``"my_losses.Smoothed"``; none is executed otherwise, and weights are never
    unpickled. The model is on the fastest device. Raises UserError if there is no such model, or it does not fit its
    configuration.
    """
    prepare_cublas()
    composition.register_resolvers()
    name = os.fspath(run)
    folder = Path(name).expanduser()
    if not layout.is_hub_name(name) and (folder / run_folder.CONFIG).is_file():
        return restored(saved_run(folder, trust, checkpoint, groups=()))
    if checkpoint != LAST:
        raise UserError(f"checkpoint={checkpoint}: a published model has one set of weights; leave it out")
    if layout.is_hub_name(name):
        from ganexp.publishing.hub import download

        folder = download(name)
    elif not (folder / layout.CONFIG).is_file():
        raise UserError(
            f"{folder} is neither a run's folder, which has {run_folder.CONFIG}, nor a published model, which has "
            f"{layout.CONFIG}"
        )
    return published(folder, trust)


def restored(run: Run) -> TrainedModel:
    """Return the model of a run with the weights of its checkpoint."""
    from ganexp.runs.model import load_model

    return trained_model(run, load_model(run))


def published(folder: Path, trust: Sequence[str]) -> TrainedModel:
    """Return the model of a published folder."""
    run = layout.published_run(folder, trust)

    from ganexp.publishing.weights import load_published

    return trained_model(run, load_published(run))


def trained_model(run: Run, model: Any) -> TrainedModel:
    """Return a run's model with its configuration, references resolved, and its scores."""
    resolved = composition.resolve(run.config)
    config = run_folder.without_run_dir(OmegaConf.create(resolved))
    classes = valid_names(resolved.get(layout.CLASS_NAMES)) or read_class_names(run.folder)
    return TrainedModel(run.folder, model, config, read_scores(run.folder), classes)
