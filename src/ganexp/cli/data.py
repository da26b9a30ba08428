"""``ganexp data inspect``: what a data set has, and what is wrong with it, before training on it."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ganexp.cli.arguments import HELP
from ganexp.cli.flags import read_flags
from ganexp.config import checks, composition
from ganexp.errors import UserError

INSPECT = "inspect"
OUT = "out="

HELP_TEXT = """python -m ganexp data inspect [data=NAME] [data.option=value …] [out=FOLDER]

Look at every picture that a training with these settings would take: counts, sizes, modes, bits, classes, values, and
one line for each problem with its fix. Nothing is changed; like training, it downloads what is missing.

  data          which; python -m ganexp list data (default digits)
  data.option   as for training, such as data.root=FOLDER or data.source.split=test
  out           where contact_sheet.png and problems.txt, with the name of every file, go (default outputs/inspect-NAME)
  --config-dir  a folder with options of your own

It ends with status 0 whatever the problems are, and 2 if no picture at all can be read."""


def main(arguments: list[str]) -> None:
    """Inspect the data that the arguments name."""
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        return
    if arguments[:1] != [INSPECT]:
        given = f"{arguments[0]!r}: no such thing to do with data; there is" if arguments else "data needs to be told"
        raise UserError(f"{given}: python -m ganexp data {INSPECT} data=NAME")
    folders = [argument.removeprefix(OUT) for argument in arguments if argument.startswith(OUT)]
    config = composed([argument for argument in arguments[1:] if not argument.startswith(OUT)])
    name = config.data.get("name") or "data"
    plain = composition.resolve(config.data)
    checks.check_folders(plain)
    data = OmegaConf.create(plain)

    from ganexp.evaluation.inspect_data import inspect_data

    inspect_data(data, name, Path(folders[-1] if folders else f"outputs/inspect-{name}"))


def composed(arguments: list[str]) -> DictConfig:
    """Return the configuration that a training with these arguments would have.

    Raises UserError for what training would refuse of it.
    """
    composition.register_resolvers()
    flags = read_flags(arguments)
    if flags.multirun:
        raise UserError("data inspect looks at one data set at a time, without -m")
    own = [f"hydra.searchpath=[file://{Path(flags.config_dir).resolve()}]"] if flags.config_dir else []
    config = composition.composed("train", [*own, *flags.overrides])
    checks.check_parts(OmegaConf.to_container(config))  # type: ignore[arg-type]
    return config
