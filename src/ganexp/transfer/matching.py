"""Tensors from a file beside those that networks need: which fit by name and shape, and which do not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from ganexp.terminal.text import printable
from ganexp.transfer.renaming import LEFT, ORIGINAL, RIGHT

SHOWN = 3
COUNT = ".num_batches_tracked"
"""The count of a batch norm's batches, which nothing depends on and many files lack."""
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Match:
    """The names that fit, that are missing in the file, that have another shape there, and that are not needed."""

    fitting: Sequence[str]
    missing: Sequence[str]
    reshaped: Mapping[str, str]
    unexpected: Sequence[str]

    @property
    def is_complete(self) -> bool:
        """Whether every tensor fits, and there is none besides."""
        return not (self.missing or self.reshaped or self.unexpected)

    @property
    def needed(self) -> int:
        """The number of tensors that the networks have."""
        return len(self.fitting) + len(self.missing) + len(self.reshaped)

    def differences(self) -> list[str]:
        """Return a line for each kind of difference that there is."""
        kinds = {
            "not in the file": self.missing,
            "of another shape in the file": [f"{name} {shapes}" for name, shapes in self.reshaped.items()],
            "only in the file": self.unexpected,
        }
        return [f"{len(names)} {kind}: {first_names(names)}" for kind, names in kinds.items() if names]


def match(needed: Tensors, given: Tensors) -> Match:
    """Compare the tensors of networks with those of a file.

    The vectors of a spectral norm fit only if its weight does, since they are of no other weight.
    """
    fitting = [name for name, tensor in needed.items() if name in given and given[name].shape == tensor.shape]
    orphans = {name for name in fitting if is_vector(name) and weight_of(name) not in fitting}
    reshaped = {
        name: f"{list(given[name].shape)}, here {list(tensor.shape)}"
        for name, tensor in needed.items()
        if name in given and given[name].shape != tensor.shape
    }
    return Match(
        [name for name in fitting if name not in orphans],
        [name for name in needed if name in orphans or (name not in given and not name.endswith(COUNT))],
        reshaped,
        [name for name in given if name not in needed],
    )


def is_vector(name: str) -> bool:
    """Return whether a tensor is a singular vector of a spectral norm."""
    return name.endswith((f".{LEFT}", f".{RIGHT}"))


def weight_of(name: str) -> str:
    """Return the name of the weight whose singular vector has this name."""
    return f"{name.removesuffix(LEFT).removesuffix(RIGHT)}{ORIGINAL}"


def vectors_of(weight: str) -> list[str]:
    """Return the names of the singular vectors of a spectrally normalized weight."""
    return [f"{weight.removesuffix(ORIGINAL)}{vector}" for vector in (LEFT, RIGHT)]


def place(needed: Tensors, given: Tensors, paths: Iterable[str]) -> dict[str, Tensor]:
    """Return the given tensors under the one of the paths, or as they are, that lets most of them fit."""
    candidates = [dict(given), *({f"{path}.{name}": tensor for name, tensor in given.items()} for path in paths)]
    return max(candidates, key=lambda candidate: len(match(needed, candidate).fitting))


def spectral_norms(network: nn.Module, names: Iterable[str]) -> list[ParametrizationList]:
    """Return the parametrizations of a network's weights with these names."""
    lists = [name.removesuffix(".original") for name in names if name.endswith(f".{ORIGINAL}")]
    modules = dict(network.named_modules())
    return [module for name in lists if isinstance(module := modules.get(name), ParametrizationList)]


def first_names(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return printable(", ".join(names[:SHOWN])) + more
