"""``ganexp resume=DIR``: go on with a run as if it had never stopped."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp import checks, composition, run_folder
from ganexp.commands.trust import require_trusted
from ganexp.errors import UserError


def main(folder: Path, overrides: list[str]) -> None:
    """Continue the run in ``folder``; values given beside it replace those of its configuration."""
    folder = folder.resolve()
    config = run_folder.read_config(folder)
    checkpoint = run_folder.last_checkpoint(folder)
    trusted = [override for override in overrides if override.startswith("trust=")]
    config = with_overrides(config, [override for override in overrides if override not in trusted])
    require_trusted(config, [override.removeprefix("trust=") for override in trusted])
    checks.check(composition.plain(config))

    from ganexp.commands.resuming import resume

    resume(config, folder, checkpoint)


def with_overrides(config: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration with some values replaced.

    Raises UserError for a key that it does not have or a value of another kind.
    """
    wrong = [override for override in overrides if "=" not in override]
    if wrong:
        raise UserError(f"{wrong[0]}: with resume= only values can be given, such as images=100000")
    before = composition.plain(config)
    OmegaConf.set_struct(config, True)
    known = dict(composition.flatten(before))
    keys = [override.partition("=")[0] for override in overrides]
    for key in keys:
        if key not in known:
            raise UserError(composition.unknown(key, "option", key, list(known)))
    try:
        changed = OmegaConf.merge(config, OmegaConf.from_dotlist(overrides))
    except OmegaConfBaseException as error:
        raise UserError(composition.explain(error)) from error
    assert isinstance(changed, DictConfig)
    composition.check_types(composition.plain(changed), before, keys)
    return changed
