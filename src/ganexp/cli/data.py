"""Command ``ganexp data``: problems of a data set before training on it, its images in shards, or its landmarks."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ganexp.cli import landmarks
from ganexp.cli.arguments import HELP, require_value
from ganexp.cli.flags import read_flags
from ganexp.config import checks, composition
from ganexp.config.option_files import check_option_files
from ganexp.config.schema import check_schema
from ganexp.errors import UserError
from ganexp.files.atomic import require_folder

INSPECT = "inspect"
PACK = "pack"
OUT = "out="
SHARD_SIZE = "shard_size="
PUPPETS = "puppets"
LANDMARKS = "landmarks"
MOST_OF_PUPPETS = 10_000
PUPPET_DEFAULTS = {"people": 4, "clips": 1, "frames": 24, "image_size": 128}

HELP_TEXT = """python -m ganexp data inspect [data=NAME] [data.option=value …] [out=FOLDER]
python -m ganexp data pack [data=NAME] [data.option=value …] out=FOLDER [shard_size=N]
python -m ganexp data puppets out=FOLDER [people=4] [clips=1] [frames=24] [image_size=128]
python -m ganexp data landmarks input=PLACE [out=FILE.npy] [model=FILE.task] [points=contours|all] [overwrite=true]

inspect: every image that training with these settings would use: counts, sizes, colour modes, bit depths, classes,
pixel values, and one line for each problem and its fix. No file is changed; missing data are downloaded.
pack: write the same images, decoded to the training size, into shards, from which data=stream data.path=FOLDER trains
on sets larger than memory. The same command continues after an interruption, and repairs damaged shards.
puppets: write clips of drawn puppets with their landmarks, as data=head_clips and translate drive=CLIP read them; the
puppets are those that data=puppets tests on.
landmarks: find those of faces in pictures, videos or data=head_clips' folder; data landmarks --help has its arguments.

  data          data set; see python -m ganexp list data (default digits)
  data.option   as in training, such as data.root=FOLDER or data.source.split=test
  out           inspect: folder for inspect.html, a page with pictures of what is wrong, contact_sheet.png, and
                problems.txt, which lists every file (default outputs/inspect-NAME); pack: folder for the shards
  shard_size    images in a shard (default: as many as take 100 MB)
  --config-dir  a folder with config groups of your own

The exit status is 0 whether or not inspect finds problems, and 2 if images cannot be read: with inspect if none can be,
with pack if any cannot be."""


def main(arguments: list[str]) -> None:
    """Inspect or pack the selected data, write puppets, or find landmarks."""
    if arguments[:1] == [LANDMARKS]:
        landmarks.main(arguments[1:])
        return
    if any(argument in HELP for argument in arguments):
        print(HELP_TEXT)
        return
    if arguments[:1] == [PUPPETS]:
        write_puppets(arguments[1:])
        return
    if arguments[:1] not in ([INSPECT], [PACK]):
        problem = f"{arguments[0]!r}: no such data command" if arguments else "data needs a command"
        raise UserError(f"{problem}; use python -m ganexp data {INSPECT}|{PACK} data=NAME, {PUPPETS} or {LANDMARKS}")
    command, *rest = arguments
    out, rest = taken(rest, OUT)
    if command == INSPECT:
        data, name = checked_data(rest)
        folder = Path(out or f"outputs/inspect-{name}")
        require_folder(folder)

        from ganexp.evaluation.inspect_data import inspect_data

        inspect_data(data, name, folder)
        return
    if not out:
        raise UserError("data pack needs a folder for the shards: out=FOLDER")
    size, rest = taken(rest, SHARD_SIZE)
    if size is not None and not (size.isascii() and size.isdigit() and int(size) > 0):
        raise UserError(f"{SHARD_SIZE}{size}: a whole number of images, 1 or more, is expected")
    data, name = checked_data(rest)

    from ganexp.evaluation.pack_data import pack_data

    pack_data(data, name, Path(out), None if size is None else int(size))


def write_puppets(arguments: list[str]) -> None:
    """Write clips of puppets; raises UserError for other arguments than those of the help."""
    out, rest = taken(arguments, OUT)
    if not out:
        raise UserError("data puppets needs a folder for the clips: out=FOLDER")
    numbers = dict(PUPPET_DEFAULTS)
    for argument in rest:
        key, _, value = argument.partition("=")
        if key not in numbers:
            raise UserError(f"{argument}: data puppets takes out and {', '.join(numbers)}")
        if not (value.isascii() and value.isdigit() and 0 < int(value) <= MOST_OF_PUPPETS):
            raise UserError(f"{argument}: a whole number from 1 to {MOST_OF_PUPPETS:,} is expected")
        numbers[key] = int(value)
    if numbers["frames"] < 2:
        raise UserError("frames=1: a clip has two frames or more")
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"out={folder}: exists already; give a new or an empty folder")

    from ganexp.data.puppets.clips import write_clips

    write_clips(folder, numbers["people"], numbers["clips"], numbers["frames"], numbers["image_size"])


def taken(arguments: list[str], key: str) -> tuple[str | None, list[str]]:
    """Return the last value given for a key such as ``out=``, None without one, and the other arguments."""
    values = [argument.removeprefix(key) for argument in arguments if argument.startswith(key)]
    for value in values:
        require_value(key.removesuffix("="), value, "a folder" if key == OUT else "a whole number of images")
    return (values[-1] if values else None), [argument for argument in arguments if not argument.startswith(key)]


def checked_data(arguments: list[str]) -> tuple[DictConfig, str]:
    """Return the resolved settings of the data that training with these arguments would have, and their name."""
    config = training_config(arguments)
    resolved = composition.resolve(config.data)
    checks.check_folders(resolved)
    check_schema({"data": resolved})
    return OmegaConf.create(resolved), str(config.data.get("name") or "data")


def training_config(arguments: list[str]) -> DictConfig:
    """Return the configuration that training with these arguments would have.

    Raises UserError for settings that training would refuse.
    """
    composition.register_resolvers()
    flags = read_flags(arguments)
    if flags.multirun:
        raise UserError("data inspect and data pack take one data set at a time, without -m")
    if flags.config_dir:
        check_option_files(flags.overrides, Path(flags.config_dir).resolve())
    search_path = [f"hydra.searchpath=[file://{Path(flags.config_dir).resolve()}]"] if flags.config_dir else []
    config = composition.compose("train", [*search_path, *flags.overrides])
    checks.check_parts(OmegaConf.to_container(config))  # type: ignore[arg-type]
    return config
