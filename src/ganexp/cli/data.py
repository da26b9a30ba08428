"""Command ``ganexp data inspect``: statistics and problems of a data set, before training on it."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ganexp.cli.arguments import HELP
from ganexp.cli.flags import read_flags
from ganexp.config import checks, composition
from ganexp.config.option_files import check_option_files
from ganexp.config.schema import check_schema
from ganexp.errors import UserError

INSPECT = "inspect"
OUT = "out="

HELP_TEXT = """python -m ganexp data inspect [data=NAME] [data.option=value …] [out=FOLDER]

Inspect every image that training with these settings would use: counts, sizes, colour modes, bit depths, classes,
pixel values, and one line for each problem and its fix. No file is changed; missing data are downloaded.

  data          data set; see python -m ganexp list data (default digits)
  data.option   as in training, such as data.root=FOLDER or data.source.split=test
  out           folder for inspect.html, a page with pictures of what is wrong, contact_sheet.png, and problems.txt,
                which lists every file (default outputs/inspect-NAME)
  --config-dir  a folder with config groups of your own

The exit status is 0 whether or not there are problems, and 2 if no image can be read."""


def main(arguments: list[str]) -> None:
    """Inspect the selected data."""
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        return
    if arguments[:1] != [INSPECT]:
        problem = f"{arguments[0]!r}: no such data command" if arguments else "data needs a command"
        raise UserError(f"{problem}; use python -m ganexp data {INSPECT} data=NAME")
    folders = [argument.removeprefix(OUT) for argument in arguments if argument.startswith(OUT)]
    config = training_config([argument for argument in arguments[1:] if not argument.startswith(OUT)])
    name = config.data.get("name") or "data"
    resolved = composition.resolve(config.data)
    checks.check_folders(resolved)
    check_schema({"data": resolved})
    data = OmegaConf.create(resolved)

    from ganexp.evaluation.inspect_data import inspect_data

    inspect_data(data, name, Path(folders[-1] if folders else f"outputs/inspect-{name}"))


def training_config(arguments: list[str]) -> DictConfig:
    """Return the configuration that training with these arguments would have.

    Raises UserError for settings that training would refuse.
    """
    composition.register_resolvers()
    flags = read_flags(arguments)
    if flags.multirun:
        raise UserError("data inspect takes one data set at a time, without -m")
    if flags.config_dir:
        check_option_files(flags.overrides, Path(flags.config_dir).resolve())
    search_path = [f"hydra.searchpath=[file://{Path(flags.config_dir).resolve()}]"] if flags.config_dir else []
    config = composition.compose("train", [*search_path, *flags.overrides])
    checks.check_parts(OmegaConf.to_container(config))  # type: ignore[arg-type]
    return config
