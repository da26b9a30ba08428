"""Help text of ``ganexp --help``: Hydra's own takes a second, copying all plugin configurations for each group."""

from collections.abc import Sequence
from pathlib import Path
from string import Template

from omegaconf import OmegaConf

from ganexp.config.composition import conf_dir, groups, sweeps_dir


def show(folders: Sequence[Path]) -> None:
    """Print the template of conf/train.yaml with the options of every config group in the folders."""
    template = OmegaConf.load(conf_dir() / "train.yaml").hydra.help.template
    options = groups(*folders) | {"sweeps": sorted(path.stem for path in sweeps_dir().glob("*.yaml"))}
    listed = "\n".join(f"{group}: {', '.join(names)}" for group, names in sorted(options.items()))
    print(Template(template).substitute(APP_CONFIG_GROUPS=listed))
