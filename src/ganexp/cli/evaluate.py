"""Command ``ganexp evaluate run=DIR …``: scores of trained runs, or of a folder of images."""

from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ganexp.cli.arguments import HELP, listed, literal, require_value
from ganexp.cli.flags import check_override
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.config.schema import check_schema
from ganexp.data.files.folders import existing
from ganexp.errors import UserError
from ganexp.files.atomic import require_file_place
from ganexp.publishing.layout import is_hub_name
from ganexp.publishing.trained_run import is_run, trained_run
from ganexp.runs import run_lock
from ganexp.runs.scores import SCORES

LISTS = ("samples", "seeds")

HELP_TEXT = """python -m ganexp evaluate run=DIR [run=DIR …] [metric=…] [key=value …]
python -m ganexp evaluate fake=DIR real=DIR [metric=…]
python -m ganexp evaluate fake=DIR data=mnist [metric=…]

Score trained runs, or a folder of images against another folder or a data set. The table has a column for each
protocol; all values and their protocols are written to scores.json in the run's folder, or to out=FILE.

  run         a run's folder; several: run=A run=B; a published folder or hf://owner/name with real=DIR or data=mnist
  fake, real  folders of images
  out         file for the scores of folders and published models (default scores.json)
  metric      scores, such as metric=[fid,kid,prc]; see python -m ganexp list metric (default: the run's own)
  samples     number of generated images, such as samples=[10000,50000] (default 10,000)
  reference   splits of the data to compare with, such as reference=[train,test] (default: the run's own)
  real_images maximum number of real images (default 50,000; null: all)
  seeds       seeds of the noise; several, such as seeds=[0,1,2], give mean and standard deviation (default [0])
  checkpoint  last or best (default last)
  truncation  truncate the noise at this distance from 0, such as 0.5 (default: no truncation); of stylegan2 the share
              of the styles' distance from their mean
  rank        rank the runs by this score, if their protocols agree
  trust       code of yours that a run's configuration may name, such as my_losses.Smoothed
"""


@dataclass(frozen=True)
class Paths:
    """The folders and files given as arguments."""

    run: list[str] = field(
        default_factory=list, metadata={"help": "the run's folder, a published folder or hf://owner/name"}
    )
    fake: list[str] = field(default_factory=list, metadata={"help": "the folder of generated images"})
    real: list[str] = field(default_factory=list, metadata={"help": "the folder of real images"})
    out: list[str] = field(default_factory=list, metadata={"help": "the file for the scores"})
    trust: list[str] = field(default_factory=list, metadata={"help": "code of yours, such as my_losses.Smoothed"})


PATHS = {each.name: each.metadata["help"] for each in fields(Paths)}


def main(arguments: list[str]) -> None:
    """Score the given runs or folder."""
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        return
    composition.register_resolvers()
    paths, overrides = split(arguments)
    require_subject(paths, overrides)
    for key in ("fake", "real"):
        for folder in getattr(paths, key):
            existing(folder, key)
    if paths.real:
        overrides = ["data=image_folder", f"data.root={literal(paths.real[-1])}", *overrides]
    config = composition.compose("evaluate", overrides)
    check(config)

    out = Path(paths.out[-1] if paths.out else SCORES)
    if paths.out:
        require_file_place(out)
    from ganexp.evaluation import evaluate

    if paths.run:
        names = [name if is_hub_name(name) else str(Path(name)) for name in paths.run]
        with run_lock.exclusive(*(Path(name).expanduser() for name in names if is_run(name))):
            runs = {name: trained_run(name, paths.trust, config.checkpoint) for name in names}
            evaluate.evaluate_runs(config, runs, overrides, out)
    else:
        evaluate.evaluate_folder(config, Path(paths.fake[-1]), out, overrides)


def split(arguments: list[str]) -> tuple[Paths, list[str]]:
    """Return the paths, which may contain any character, and the other arguments."""
    paths, overrides = Paths(), []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key in PATHS:
            require_value(key, value, PATHS[key])
            getattr(paths, key).extend([value] if key == "out" else paths_in(value))
        else:
            check_override(argument)
            overrides.append(f"{key}=[{value}]" if key in LISTS and not value.startswith("[") else argument)
    return paths, overrides


def paths_in(value: str) -> list[str]:
    """Return a path that exists as it is, such as that of a sweep's run ``loss=hinge,seed=0``, else those it lists."""
    # Neither a list longer than a name may be nor the home of an unknown user is a path.
    with suppress(OSError, RuntimeError):
        if Path(value).expanduser().exists():
            return [value]
    return listed(value)


def require_subject(paths: Paths, overrides: list[str]) -> None:
    """Raise UserError unless there is something to score and something to compare it with."""
    chose_data = any(override.startswith("data=") for override in overrides)
    if bool(paths.run) == bool(paths.fake):
        raise UserError("evaluate needs run=DIR, or a folder of images: fake=DIR real=DIR (or fake=DIR data=mnist)")
    labels = next((override for override in overrides if override.startswith("labels=")), None)
    if labels is not None:
        raise UserError(f"{labels}: scores are of samples of every class, in equal shares; leave it out")
    if paths.fake and not paths.real and not chose_data:
        raise UserError("fake=DIR needs real images to compare with: real=DIR, or a data set such as data=mnist")
    if paths.real and chose_data:
        raise UserError("real=DIR and data=… both name the real images: give one of them")
    if paths.fake and any(override.startswith("truncation=") for override in overrides):
        raise UserError("truncation=… applies to the noise of a run, and fake=DIR has finished images: leave it out")


def check(config: DictConfig) -> None:
    """Raise UserError for invalid counts and choices."""
    check_schema(OmegaConf.to_container(config))  # type: ignore[arg-type]
    check_checkpoint(config.checkpoint)
