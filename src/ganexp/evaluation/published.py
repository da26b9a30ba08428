"""Settings to score a published model, which comes without the data that it was trained on."""

from omegaconf import DictConfig

from ganexp.config.conditions import translates
from ganexp.errors import UserError
from ganexp.evaluation.kept import with_kept
from ganexp.evaluation.translation import FOLDERS
from ganexp.runs.run import Run


def scoring_settings(config: DictConfig, run: Run, overrides: list[str]) -> DictConfig:
    """Return the configuration with the given data in the model's size, channels and range.

    Raises UserError if no data are given, or in another shape.
    """
    given = {override.lstrip("+~").partition("=")[0] for override in overrides}
    if "data" not in given:
        kind = translates(run.config)
        wanted = "real=FOLDER, or a data set such as data=mnist" if kind is None else FOLDERS[kind]
        raise UserError(
            f"run={run.folder}: a published model comes without its data, {run.config.data.get('name')}; "
            f"add {wanted}, to compare with"
        )
    return with_kept(config, run, overrides)
