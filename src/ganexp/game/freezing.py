"""Freezing of a network's layers, as for transfer learning (FreezeD, arXiv 2002.10964)."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn

from ganexp.errors import UserError
from ganexp.layers.statistics import BATCH_NORMS, INSTANCE_NORMS

Chosen = int | str | Sequence[str]
"""The number of lowest layers, or names and patterns of modules and parameters."""

NORMS = (*BATCH_NORMS, *INSTANCE_NORMS, nn.GroupNorm, nn.LayerNorm)
INNER = "network"
"""The name under which a network holds another that does most of its work."""
NORMALIZED = {"layer", "norm"}
SHOWN = 8


def freeze(networks: Mapping[str, nn.Module], chosen: Mapping[str, Chosen | None]) -> None:
    """Make the chosen parameters of the players' networks require no gradient.

    Everything else of a frozen layer stays as it is: batch norm uses the batch's statistics in training and tracks the
    running ones, spectral norm makes its power iterations, as in the code of arXiv 2002.10964 (sangwoomo/FreezeD).
    Raises UserError naming the player for one that does not exist, for names that match nothing, for more layers than
    there are, and if nothing is left to train.
    """
    for player, selection in chosen.items():
        if selection is None:
            continue
        if player not in networks:
            raise UserError(f"model.freeze.{player}: this model has only {' and '.join(networks)}")
        names = chosen_names(player, networks[player], selection)
        parameters = dict(networks[player].named_parameters())
        if len(names) == len(parameters):
            raise UserError(f"model.freeze.{player}={selection}: nothing is left to train")
        for name in names:
            parameters[name].requires_grad_(False)


def chosen_names(player: str, network: nn.Module, selection: Chosen) -> set[str]:
    """Return the names of the parameters that a number of layers, a name or a list of names and patterns stands for."""
    key = f"model.freeze.{player}"
    if isinstance(selection, bool) or not isinstance(selection, int | str | Sequence):
        raise UserError(f"{key}={selection}: a number of layers, a name or a list of names is expected")
    if isinstance(selection, int):
        return lowest(key, player, network, selection)
    names = [name for name, _ in network.named_parameters()]
    frozen: set[str] = set()
    for pattern in [selection] if isinstance(selection, str) else selection:
        matching = {name for name in names if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")}
        if not matching:
            shown = ", ".join(modules_with_parameters(network)[:SHOWN])
            raise UserError(f"{key}={pattern}: no parameter of the {player} has that name; its layers are {shown} …")
        frozen |= matching
    return frozen


def lowest(key: str, player: str, network: nn.Module, count: int) -> set[str]:
    """Return the names of the parameters of a discriminator's ``count`` lowest layers, or of both discriminators'.

    Raises UserError for another player, whose layers have no such order, and for a number out of range.
    """
    if player != "discriminator":
        raise UserError(f"{key}={count}: layers are counted from the image; give names, such as [embedding]")
    parts = dict(network.named_children()) if isinstance(network, nn.ModuleDict) else {"": network}
    frozen: set[str] = set()
    for part, inner in parts.items():
        units = layers(inner, part)
        if not 0 <= count < len(units):
            raise UserError(f"{key}={count}: from 0 to {len(units) - 1} can be frozen of the layers {', '.join(units)}")
        frozen |= {parameter for names in list(units.values())[:count] for parameter in names}
    return frozen


def layers(network: nn.Module, prefix: str = "") -> dict[str, list[str]]:
    """Return the names of the parameters of each layer or block by its name, from the input on.

    A network's sequence of layers comes first, with the norms after a layer as part of it; heads and embeddings, which
    are attributes of their own, come after it.
    """
    units: dict[str, list[str]] = {}
    for name, unit in [*in_sequence(network, prefix), *beside(network, prefix)]:
        names = [f"{name}.{parameter}" for parameter, _ in unit.named_parameters()]
        if isinstance(unit, NORMS) and units:
            units[next(reversed(units))] += names
        elif names:
            units[name] = names
    return units


def in_sequence(network: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the name and module of everything in a network's sequences, and in those of the network within it."""
    for name, child in network.named_children():
        place = f"{prefix}.{name}".lstrip(".")
        if name == INNER:
            yield from in_sequence(child, place)
            yield from beside(child, place)
        elif is_sequence(child):
            yield from ((f"{place}.{number}", unit) for number, unit in child.named_children())


def beside(network: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the name and module of a network's other parts."""
    for name, child in network.named_children():
        if name != INNER and not is_sequence(child):
            yield f"{prefix}.{name}".lstrip("."), child


def is_sequence(module: nn.Module) -> bool:
    """Return whether a module holds layers one after the other, and is not one layer with its norm."""
    names = {name for name, _ in module.named_children()}
    return isinstance(module, nn.Sequential | nn.ModuleList) and names != NORMALIZED


def modules_with_parameters(network: nn.Module) -> list[str]:
    """Return the names of the modules that have parameters of their own."""
    return list(dict.fromkeys(module_of(name) for name, _ in network.named_parameters()))


def module_of(parameter: str) -> str:
    """Return the name of the module that a parameter belongs to, also if its weight is normalized."""
    module, parametrized, _ = parameter.partition(".parametrizations.")
    return module if parametrized else parameter.rpartition(".")[0]
