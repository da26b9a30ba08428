"""Folders of the configuration, and the options in them; nothing heavy is imported, so that tab completion is quick."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
TRUST = "trust"
"""Key of a configuration read from a run's folder: the targets and download addresses that the user trusts."""


def conf_dir() -> Path:
    """Return the folder of the config groups: beside the modules in a wheel, at the root in a repository."""
    packaged = PACKAGE / "conf"
    return packaged if packaged.is_dir() else PACKAGE.parents[1] / "conf"


def sweeps_dir() -> Path:
    """Return the folder of the sweeps, which is beside that of the config groups."""
    # Not PACKAGE / "sweeps", which is the package's own code in a repository.
    return conf_dir().parent / "sweeps"


def template_dir() -> Path:
    """Return the folder that ``ganexp new`` copies."""
    return PACKAGE / "template"


def groups(*folders: Path) -> dict[str, list[str]]:
    """Return the options of each config group in the folders, nested groups included, by the group's path."""
    files = {path.relative_to(folder) for folder in folders for path in folder.rglob("*.yaml")}
    options: dict[str, list[str]] = {}
    for path in sorted(file for file in files if len(file.parts) > 1):
        options.setdefault(path.parent.as_posix(), []).append(path.stem)
    return options
