"""Settings of the weights that a new run starts from, ``init=PATH``, and the file that a path stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganexp.errors import UserError
from ganexp.files.untrusted import require_links_inside
from ganexp.runs import run_folder
from ganexp.transfer.public_folder import public_files

CHECKPOINT, SAFETENSORS, TORCH = ".ckpt", ".safetensors", (".pth", ".pt")
PUBLISHED = "model.safetensors"
"""The weights in a folder of the Hugging Face Hub's layout."""
AVERAGED, LIVE = "averaged", "live"
WEIGHTS = (AVERAGED, LIVE)
FORMATS = ("biggan_pytorch", "cyclegan_and_pix2pix")
"""Public formats; the rest of the files hold a game's own names."""
PLAYERS = ("generator", "discriminator")


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a new run starts from: those of no, one or several files, each of other networks.

    ``weights`` selects the averaged or the live generator of a checkpoint, ``only`` the players that are loaded (all if
    empty); with ``strict`` a tensor that does not fit is an error. ``format`` names a public format; None recognizes
    it.
    """

    paths: tuple[str, ...] = ()
    weights: str = AVERAGED
    only: tuple[str, ...] = ()
    strict: bool = False
    format: str | None = None


def initial_weights(config: Any) -> InitialWeights:
    """Return the settings of a configuration's ``init``: None, a path, or a mapping.

    Raises UserError for a name that does not exist.
    """
    if config is None or isinstance(config, str):
        return InitialWeights(paths_in(config))
    if not isinstance(config, Mapping):
        raise UserError(f"init={config}: the folder of a run, one of its checkpoints or a file of weights is expected")
    only = config.get("only")
    settings = InitialWeights(
        paths_in(config.get("path")),
        str(config.get("weights") or AVERAGED),
        () if only is None else (only,) if isinstance(only, str) else tuple(only),
        bool(config.get("strict")),
        config.get("format"),
    )
    if config.get("strict") not in (None, True, False):
        raise UserError(f"init.strict={config['strict']}: true or false is expected")
    require_names("init.weights", [settings.weights], WEIGHTS)
    require_names("init.only", settings.only, PLAYERS)
    require_names("init.format", [] if settings.format is None else [settings.format], FORMATS)
    return settings


def check(config: Any) -> None:
    """Raise UserError for an ``init`` whose names or file do not exist."""
    settings = initial_weights(config)
    weights_files(settings.paths)


def paths_in(value: Any) -> tuple[str, ...]:
    """Return the paths of a value that is null, a path or a list of paths."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else (str(value),)


def require_names(key: str, given: Any, names: tuple[str, ...]) -> None:
    """Raise UserError for a value that is not one of the names."""
    for name in given:
        if name not in names:
            raise UserError(f"{key}={name}: choose {' or '.join(names)}")


def weights_files(paths: Sequence[str]) -> list[Path]:
    """Return the files of some paths, those of all networks for a folder of pytorch-CycleGAN-and-pix2pix.

    Raises UserError as ``weights_file`` does.
    """
    files = []
    for path in paths:
        folder = Path(path).expanduser()
        files += (public_files(folder) if not is_run(folder) else []) or [weights_file(path)]
    return files


def weights_file(text: str) -> Path:
    """Return the file of a run's folder (its last checkpoint), of DIR/NAME (another of its checkpoints), or of a path.

    Raises UserError if there is no such file, or if its suffix is not one of .ckpt, .safetensors, .pth and .pt.
    """
    path = Path(text).expanduser()
    if path.is_file():
        if path.suffix not in (CHECKPOINT, SAFETENSORS, *TORCH):
            raise UserError(f"init={text}: weights are in files *{CHECKPOINT}, *{SAFETENSORS} or *{', *'.join(TORCH)}")
        return path
    if (path / PUBLISHED).is_file() and not is_run(path):
        return path / PUBLISHED
    if is_run(path):
        return checkpoint_of(path, "last")
    if not path.exists() and is_run(path.parent):
        return checkpoint_of(path.parent, path.name)
    missing = "that folder holds no run" if path.is_dir() else "there is no such file or folder"
    raise UserError(
        f"init={text}: {missing}; give a run's folder, DIR/CHECKPOINT such as DIR/best, or a file *{CHECKPOINT}, "
        f"*{SAFETENSORS} or *{', *'.join(TORCH)}"
    )


def is_run(folder: Path) -> bool:
    """Return whether a folder is that of a run."""
    return (folder / run_folder.CONFIG).is_file() or (folder / run_folder.CHECKPOINTS).is_dir()


def checkpoint_of(folder: Path, name: str) -> Path:
    """Return a checkpoint of a run; raises UserError if there is none, and for a link that leads out of the folder."""
    require_links_inside(folder)
    return run_folder.checkpoint(folder, name)
