"""Command ``ganexp analyze run=DIR analysis=NAME``: look inside a trained model."""

from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ganexp.cli.arguments import HELP, listed, literal, require_value
from ganexp.cli.flags import check_override
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.config.conditions import translates
from ganexp.config.schema import check_schema
from ganexp.errors import UserError
from ganexp.runs import run_lock
from ganexp.runs.run import saved_run

GROUP = "analysis"
ALL = "all"
DEFAULT = "walk"
FILES = ("images", "pictures")
"""Options of analyses whose values are paths where they are null by default."""

HELP_TEXT = """python -m ganexp analyze run=DIR analysis=NAME [option=value …]
python -m ganexp analyze run=DIR analysis=[NAME,NAME] [analysis.NAME.option=value …]
python -m ganexp analyze run=DIR analysis=all

Look inside a trained generator and its discriminator. Pictures and figures.json are written to DIR/analysis/NAME.

  run         the run's folder
  analysis    analysis to run; see python -m ganexp list analysis (default walk); all: every one that applies
  out         another folder to write to; several analyses each get a subfolder of it
  checkpoint  last or best (default last)
  seed        seed of the samples, which are numbered like those of python -m ganexp sample (default 0)
  held_out    real images that were not trained on: a split of the run's data, such as test, or a folder of images
              (default: another split of the run's data, if it has one)
  labelled    labelled images for the linear probe: a data set's name, such as svhn, or a folder with a subfolder for
              each class, or with train and test (default: the run's own data)
  trust       code of yours that the run's configuration may name, such as my_losses.Smoothed

With a single analysis its options need no prefix, such as steps=20. Analyses and their options:
"""


@dataclass(frozen=True)
class Paths:
    """The folders given as arguments."""

    run: list[str] = field(default_factory=list, metadata={"help": "the run's folder"})
    out: list[str] = field(default_factory=list, metadata={"help": "the folder to write to"})
    held_out: list[str] = field(
        default_factory=list, metadata={"help": "a split of the run's data, or a folder of images"}
    )
    labelled: list[str] = field(
        default_factory=list, metadata={"help": "a data set's name, or a folder of labelled images"}
    )
    trust: list[str] = field(default_factory=list, metadata={"help": "code of yours, such as my_losses.Smoothed"})


PATHS = {each.name: each.metadata["help"] for each in fields(Paths)}


def main(arguments: list[str]) -> None:
    """Run the requested analyses."""
    options = composition.groups(composition.conf_dir())[GROUP]
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        for name in options:
            values = ", ".join(f"{key}={value}" for key, value in analysis_options(name).items() if key != "_target_")
            print(f"  {name:<18}{values.replace('None', 'null')}")
        return
    composition.register_resolvers()
    paths, overrides = split(arguments, options)
    if len(paths.run) != 1:
        raise UserError("analyze needs one run: run=DIR")
    config = composition.compose("analyze", overrides)
    check(config)
    folder = Path(paths.run[0])
    run = saved_run(folder, paths.trust, config.checkpoint)
    if translates(run.config):
        raise UserError(f"run={folder}: this model translates images; analyze needs one that draws them from noise")

    from ganexp.evaluation.analyze import analyze

    out = Path(paths.out[-1]) if paths.out else None
    held_out = paths.held_out[-1] if paths.held_out else None
    labelled = paths.labelled[-1] if paths.labelled else None
    with run_lock.exclusive(folder) if out is None else nullcontext():
        analyze(config, run, out, held_out, labelled)


def split(arguments: list[str], options: list[str]) -> tuple[Paths, list[str]]:
    """Return the paths, which may contain any character, and the other arguments as overrides of the configuration."""
    paths, overrides = Paths(), []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key in PATHS:
            require_value(key, value, PATHS[key])
            getattr(paths, key).extend(listed(value) if key == "trust" else [value])
        else:
            overrides.append(argument)
    names = selected_analyses(overrides, options)
    settings = analysis_options(names[0]) if len(names) == 1 and names[0] in options else {}
    qualified = [f"{GROUP}=[{','.join(names)}]"]
    for override in overrides:
        key = override.partition("=")[0]
        if key != GROUP:
            plain = quoted(override) if key in FILES and settings.get(key, "") is None else override
            full = f"{GROUP}.{names[0]}.{plain}" if key in settings else override
            check_override(full)
            qualified.append(full)
    return paths, qualified


def quoted(override: str) -> str:
    """Return the override of a path, which may contain any character, with its value in quotation marks."""
    key, equals, value = override.partition("=")
    return override if value in ("null", "") else f"{key}{equals}{literal(value)}"


def selected_analyses(overrides: list[str], options: list[str]) -> list[str]:
    """Return the selected analyses; the last ``analysis=`` wins."""
    values = [value for key, _, value in (override.partition("=") for override in overrides) if key == GROUP]
    value = values[-1] if values else DEFAULT
    return options if value == ALL else listed(value)


def analysis_options(name: str) -> dict[str, object]:
    """Return the options of an analysis, which need no prefix where it is the only one selected."""
    settings: dict[str, object] = composition.option(GROUP, name)[GROUP][name]
    return settings


def check(config: DictConfig) -> None:
    """Raise UserError for invalid choices."""
    check_checkpoint(config.checkpoint)
    check_schema(OmegaConf.to_container(config))  # type: ignore[arg-type]
    if not OmegaConf.select(config, GROUP):
        raise UserError(f"{GROUP}: choose at least one; python -m ganexp list {GROUP}")
