"""The words that may follow each command, besides the keys of its dataclasses."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ganexp.completion import paths
from ganexp.completion.answer import Answer
from ganexp.completion.shells import SHELLS
from ganexp.config.folders import conf_dir, groups

ANALYSIS = "analysis"
SWEEPS = "sweeps"
TRAIN_FLAGS = {
    "--multirun": "a run for each combination of the values",
    "-m": "a run for each combination of the values",
    "--dry-run": "compose, check, build and estimate; train nothing",
    "--config-dir": "a folder with config groups of your own",
    "--cfg": "print the configuration: job, hydra or all",
    "--package": "the part of the configuration to print",
    "--resolve": "print the configuration with its references resolved",
    "--info": "how the configuration is composed",
    "--help": "commands, config groups and their options",
    "--version": "version of ganexp",
}
HELP = {"--help": "what the command takes"}


def nothing(word: str) -> Iterator[Answer]:
    """Yield no answer."""
    return iter(())


@dataclass(frozen=True)
class Command:
    """What may follow a command."""

    composes: str | None = None
    """The configuration that it composes, by its name."""
    groups: Sequence[str] | None = None
    """Its outer config groups; None for all but analyses."""
    unprefixed: str | None = None
    """The group whose only option has settings that need no prefix."""
    keys: Sequence[str] = ()
    """Keys besides those of its configuration and its dataclasses."""
    run_keys: Sequence[str] = ("run", "runs", "resume", "init", "init.path")
    """Keys whose values are runs."""
    first: Callable[[], Iterable[str]] = tuple
    """Words of which its first argument is one; without any, it may be a key."""
    others: Callable[[str], Iterator[Answer]] = nothing
    """Arguments that begin with a word and are not KEY=VALUE."""
    flags: Mapping[str, str] = field(default_factory=lambda: HELP)
    is_swept: bool = False


def listed() -> list[str]:
    """Return what ``list`` shows."""
    return [*groups(conf_dir()), SWEEPS, "matrix", "recipes"]


TAKES: Mapping[str, Command] = {
    "train": Command(
        "train", keys=["resume"], run_keys=["runs", "resume", "init", "init.path"], flags=TRAIN_FLAGS, is_swept=True
    ),
    "evaluate": Command("evaluate", groups=["data", "extractor", "metric"]),
    "analyze": Command("analyze", groups=[ANALYSIS], unprefixed=ANALYSIS),
    "data": Command(
        "train",
        keys=["out", "shard_size", "input", "overwrite"],
        first=lambda: ["inspect", "pack", "puppets", "landmarks"],
    ),
    "verify": Command("train"),
    "list": Command(first=listed, flags={**HELP, "--config-dir": TRAIN_FLAGS["--config-dir"]}),
    "completion": Command(first=lambda: SHELLS),
    "compare": Command(others=paths.runs),
    "new": Command(others=paths.paths),
}
"""What may follow a command, by its name; the others have keys alone."""
