"""Safe loading of external weight files, as tensors and plain values only."""

import hashlib
import textwrap
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ganexp.errors import UserError, one_line
from ganexp.files.cache import cache_folder
from ganexp.files.checkpoint_pickle import require_plain_file
from ganexp.files.download import Remote, obtain

Network = TypeVar("Network", bound=nn.Module)
Convert = Callable[[dict[str, Tensor]], dict[str, Tensor]]
"""Maps public weights to the names that a network has for them."""


def checksum_of(content: Mapping[str, Any]) -> str:
    """Return a checksum, 32 hexadecimal digits, of a possibly nested mapping of names to tensors and plain values.

    It is independent of the device of the tensors and of the order of the names.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(content, key=str):
        value = content[name]
        digest.update(f"{name!r} ".encode())
        if isinstance(value, Tensor):
            digest.update(f"{value.dtype} {tuple(value.shape)} ".encode())
            digest.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
        elif isinstance(value, Mapping):
            digest.update(checksum_of(value).encode())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()


def load(path: Path) -> dict[str, Any]:
    """Return the mapping that torch.save wrote to a file, with tensors on the CPU.

    Raises UserError if the file cannot be read, is damaged, contains code or is not a mapping.
    """
    try:
        with warnings.catch_warnings():
            # torch warns over several lines before it refuses a file of another kind.
            warnings.simplefilter("ignore")
            require_plain_file(path)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or one_line(error)}") from error
    except Exception as error:  # a broken file makes torch raise nearly anything
        raise UserError(f"{path} cannot be loaded as weights alone: it is damaged or contains code") from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{path} contains no state_dict (weights by name)")
    return content


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file: a state_dict, or one under the name "state_dict".

    Raises UserError as `load` does, and if there are none.
    """
    content = load(path)
    weights = content.get("state_dict", content)
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise UserError(f"{path} contains no state_dict (weights by name)")
    return weights


def standard_weights(name: str, weights: Remote, download: bool, remedy: str) -> Path:
    """Return the file of public weights: from the cache, from torch's hub folder, or downloaded.

    Raises UserError with the remedy if there is none and it cannot be downloaded.
    """
    folders = cache_folder("weights"), Path(torch.hub.get_dir()) / "checkpoints"
    try:
        folder = obtain(name, [weights], folders, weights.is_complete_in, lambda file, folder: None, download)
    except UserError as error:
        raise UserError(f"{error} {remedy}") from error
    return folder / weights.name


def weights_file(given: str | None, name: str, public: Remote, download: bool, remedy: str) -> Path:
    """Return the file that was given, else that of `standard_weights`."""
    return standard_weights(name, public, download, remedy) if given is None else Path(given).expanduser()


def load_checked(path: Path, public: Remote) -> dict[str, Tensor]:
    """Return the weights in a file; one with the name of the public weights must have their checksum.

    Raises UserError as `load_weights` does, and for another checksum.
    """
    weights = load_weights(path)
    if path.name == public.name and (wrong := public.wrong_checksums(path)):
        raise UserError(f"{path} is damaged: its sha256 is {wrong[0]}, not {public.sha256}...: delete it.")
    return weights


def load_into(network: nn.Module, weights: Mapping[str, Tensor], source: Path | str) -> None:
    """Load weights into a network; ``source`` names their origin in the error message.

    Raises UserError if they belong to another architecture.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise mismatch_error(source, error) from error


def load_network(make: Callable[[], Network], path: Path, public: Remote, convert: Convert = dict) -> Network:
    """Return the network with the weights in a file, in float32.

    Raises UserError as `load_checked` does, and if they belong to another network.
    """
    weights = load_checked(path, public)
    # Initial weights of hundreds of millions of parameters would take seconds and the global generator's numbers.
    with torch.device("meta"):
        network = make()
    try:
        network.load_state_dict(convert(weights), assign=True)
    except RuntimeError as error:
        raise mismatch_error(path, error) from error
    return network.float()


def mismatch_error(source: Path | str, error: RuntimeError) -> UserError:
    """Return the error for weights that a network's load_state_dict refused."""
    first = textwrap.shorten(str(error).split(":", 1)[-1], 160, placeholder=" ...")
    return UserError(f"{source} contains the weights of another network: {first}")
