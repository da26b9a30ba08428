"""Trained model by its address: a run's folder, a published folder, or a name of the Hugging Face Hub."""

from collections.abc import Sequence
from pathlib import Path

from ganexp.errors import UserError
from ganexp.publishing import layout
from ganexp.runs import run_folder
from ganexp.runs.run import Run, saved_run
from ganexp.runs.write_paths import DATA_GROUP

LAST = "last"


def trained_run(
    name: str, trust: Sequence[str] = (), checkpoint: str = LAST, groups: Sequence[str] = (DATA_GROUP,)
) -> Run:
    """Return the run in a folder, or the published model in a folder or at ``hf://owner/name``, for inference.

    ``checkpoint``, ``trust`` and ``groups`` are those of ``saved_run``; a published model has one set of weights and no
    data. Raises UserError if there is no such model, and as ``saved_run`` does.
    """
    if is_run(name):
        return saved_run(Path(name).expanduser(), trust, checkpoint, groups)
    if checkpoint != LAST:
        raise UserError(f"checkpoint={checkpoint}: a published model has one set of weights; leave it out")
    return layout.published_run(published_folder(name), trust)


def is_run(name: str) -> bool:
    """Return whether an address is that of a run's folder."""
    return not layout.is_hub_name(name) and (Path(name).expanduser() / run_folder.CONFIG).is_file()


def published_folder(name: str) -> Path:
    """Return the folder of a published model, downloaded if it is one of the Hub; raises UserError if there is none."""
    if layout.is_hub_name(name):
        from ganexp.publishing.hub import download

        return download(name)
    folder = Path(name).expanduser()
    if not (folder / layout.CONFIG).is_file():
        raise UserError(
            f"{folder} is not a run's folder: it has no {run_folder.CONFIG}; nor is it a published model, which has "
            f"{layout.CONFIG}"
        )
    return folder
