"""``ganexp resume=DIR``: continue a run as if it had never stopped."""

from pathlib import Path

from ganexp.runs import run_folder
from ganexp.runs.overrides import check_saved, with_overrides
from ganexp.runs.run import training_run
from ganexp.training import launch

TRUST = "trust="
CHECKPOINT = "checkpoint="


def main(folder: Path, overrides: list[str]) -> None:
    """Continue the run in ``folder``; overrides replace values of its configuration.

    ``checkpoint=NAME`` starts from another checkpoint than last.ckpt, and discards what came after it.
    """
    folder = folder.resolve()
    trust = [override for override in overrides if override.startswith(TRUST)]
    packages = [name for override in trust for name in override.removeprefix(TRUST).split(",")]
    config = run_folder.read_config(folder, packages)
    named = [override for override in overrides if override.startswith(CHECKPOINT)]
    checkpoint = run_folder.checkpoint(folder, named[-1].removeprefix(CHECKPOINT) if named else "last")
    config = with_overrides(config, [override for override in overrides if override not in trust + named])
    check_saved(config)
    launch.fit(training_run(config, folder, checkpoint))
