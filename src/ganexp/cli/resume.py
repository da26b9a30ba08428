"""Command ``ganexp resume=DIR``: continue a run as if it had never stopped."""

from pathlib import Path

from omegaconf import DictConfig

from ganexp.config.composition import explained_references
from ganexp.records import summary
from ganexp.runs import run_folder
from ganexp.runs.overrides import check_saved, with_overrides
from ganexp.runs.provenance import NAMED_BY, name_by_choices
from ganexp.runs.run import Run, training_run
from ganexp.runs.whole_checkpoint import newest_whole_checkpoint
from ganexp.training import launch

TRUST = "trust="
CHECKPOINT = "checkpoint="


def main(folder: Path, overrides: list[str]) -> Run:
    """Continue the run in ``folder`` from its newest whole checkpoint and return it.

    Overrides replace values of its configuration.

    ``checkpoint=NAME`` starts from a checkpoint other than last.ckpt, and discards everything after it.
    """
    folder = folder.resolve()
    trust = [override for override in overrides if override.startswith(TRUST)]
    trusted = [name for override in trust for name in override.removeprefix(TRUST).split(",")]
    config = run_folder.read_config(folder, trusted)
    with explained_references():
        logger = config.get("logger")
    logged = set(logger) if isinstance(logger, DictConfig) else set()
    checkpoints = [override for override in overrides if override.startswith(CHECKPOINT)]
    named = checkpoints[-1].removeprefix(CHECKPOINT) if checkpoints else None
    checkpoint = run_folder.checkpoint(folder, named or "last")
    with explained_references():
        config = with_overrides(config, [override for override in overrides if override not in trust + checkpoints])
    check_saved(config)
    if named is None:
        with launch.messages(folder):
            checkpoint = newest_whole_checkpoint(folder)
    run = training_run(config, folder, checkpoint)
    added = {name: logger for name, logger in run.config.logger.items() if name not in logged}
    recorded = summary.read(folder).get("choices")
    choices = recorded if isinstance(recorded, dict) else {}
    name_by_choices(added, run.config.seed, [choices.get(group) for group in NAMED_BY])
    launch.fit(run)
    return run
