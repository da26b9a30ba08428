"""Start of a new run from other weights: what fits its networks is loaded, what does not is listed."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import UserError
from ganexp.game.module import AdversarialModule, Player
from ganexp.records import summary
from ganexp.terminal.text import printable
from ganexp.transfer.matching import Match, match, place, spectral_norms, vectors_of
from ganexp.transfer.renaming import ORIGINAL
from ganexp.transfer.settings import InitialWeights, initial_weights, weights_files
from ganexp.transfer.weights import Weights, read_weights

log = logging.getLogger(__name__)

POWER_ITERATIONS = 100
"""Power iterations of a spectral norm whose weight is loaded without its singular vectors."""


def start_from_weights(game: AdversarialModule, config: Any, folder: Path) -> None:
    """Load the weights that ``init`` names, if any, into the networks of a new run, and record in its folder which.

    Optimizers, counters and everything else of the game start anew; moving averages start from the loaded weights.
    Raises UserError if nothing fits, for the first difference with ``init.strict``, and for a file that cannot be read.
    """
    settings = initial_weights(config)
    report_frozen(game, starts_anew=not settings.paths)
    if not settings.paths:
        return
    files = weights_files(settings.paths)
    sources = [read_weights(path, settings) for path in files]
    chosen = chosen_players(game, settings)
    paths = {player.name: path_of(game, player.network) for player in chosen}
    needed = tensors_of(game, list(paths.values()))
    given = together(files, [selected(game, needed, weights, list(paths.values())) for weights in sources])
    matched = match(needed, given)
    weights = joined(sources)
    name = name_of(files)
    require_fit(name, game, matched, weights, settings)
    load(game, needed, given, matched)
    for player in chosen:
        if player.average is not None:
            player.average.network.load_state_dict(player.network.state_dict())
    report(name, matched, weights, list(paths))
    if is_rank_zero():
        summary.update(folder, init=record(files, matched, weights, list(paths)))


def together(files: Sequence[Path], parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors of several files; raises UserError if two files hold the same network."""
    given: dict[str, Tensor] = {}
    owners: dict[str, Path] = {}
    for path, part in zip(files, parts, strict=True):
        twice = next((name for name in part if name in owners), None)
        if twice is not None:
            raise UserError(f"init: {owners[twice]} and {path} both hold {printable(twice)}: give one of them")
        given |= part
        owners |= dict.fromkeys(part, path)
    return given


def joined(sources: Sequence[Weights]) -> Weights:
    """Return several files' tensors and what is said of them; a description that all have is said once."""

    def said(texts: Iterable[str]) -> str:
        return ", ".join(dict.fromkeys(filter(None, texts)))

    return Weights(
        {name: tensor for weights in sources for name, tensor in weights.tensors.items()},
        said(weights.description for weights in sources),
        networks=said(weights.networks for weights in sources),
        recipe=next((weights.recipe for weights in sources if weights.recipe is not None), None),
    )


def name_of(files: Sequence[Path]) -> str:
    """Return the files as they are written in ``init=``."""
    names = [str(path) for path in files]
    return names[0] if len(names) == 1 else f"[{','.join(names)}]"


def chosen_players(game: AdversarialModule, settings: InitialWeights) -> list[Player]:
    """Return the players whose networks are loaded; raises UserError if the game does not have them."""
    players = {player.name: player for player in [*game.players(), *game.resting_players()]}
    for name in settings.only:
        if name not in players:
            raise UserError(f"init.only={name}: this model has only {' and '.join(players)}")
    return [player for name, player in players.items() if not settings.only or name in settings.only]


def path_of(game: nn.Module, network: nn.Module) -> str:
    """Return the name of a network within its game."""
    names: list[str] = [name for name, module in game.named_modules() if module is network]
    return names[0]


def tensors_of(game: nn.Module, paths: list[str]) -> dict[str, Tensor]:
    """Return the parameters and buffers of some networks by their names within the game, sharing their memory."""
    prefixes = tuple(f"{path}." for path in paths)
    return {
        name: value
        for name, value in game.state_dict().items()
        if name.startswith(prefixes) and isinstance(value, Tensor)
    }


def selected(game: nn.Module, needed: dict[str, Tensor], weights: Weights, paths: list[str]) -> dict[str, Tensor]:
    """Return the given tensors that may be meant for the chosen networks, by their names within the game.

    In a file of a single network names may begin within it: then they are put under the network that they fit best.
    """
    given = dict(weights.tensors)
    if not weights.whole_names:
        within = [name for name, _ in game.named_modules() if any(is_below(name, path) for path in paths)]
        given = place(needed, given, within)
    others = {name.partition(".")[0] for name, _ in game.named_children()} - {path.partition(".")[0] for path in paths}
    return {name: tensor for name, tensor in given.items() if name.partition(".")[0] not in others}


def is_below(name: str, path: str) -> bool:
    """Return whether a module is one of a game's networks, or a network within it."""
    return name == path or (name.startswith(f"{path}.") and name.count(".") == path.count(".") + 1)


def require_fit(name: str, game: nn.Module, matched: Match, weights: Weights, settings: InitialWeights) -> None:
    """Raise UserError if no parameter fits, or if anything does not and ``init.strict`` is set."""
    parameters = {name for name, _ in game.named_parameters()}
    if not parameters.intersection(matched.fitting):
        about = f" ({printable(weights.networks)})" if weights.networks else ""
        raise UserError(
            f"init={name}: none of its {len(weights.tensors)} tensors{about} fits this model: "
            f"{'; '.join(matched.differences())}{recipe_of(weights)}"
        )
    if settings.strict and not matched.is_complete:
        raise UserError(f"init={name} with init.strict=true: {'; '.join(matched.differences())}{recipe_of(weights)}")


def recipe_of(weights: Weights) -> str:
    """Return which experiment has the networks of a public format, empty for others."""
    return "" if weights.recipe is None else f"; {weights.recipe} has these networks"


@torch.no_grad()
def load(game: nn.Module, needed: dict[str, Tensor], given: dict[str, Tensor], matched: Match) -> None:
    """Copy the tensors that fit; spectral norms without singular vectors in the file find those of their weights."""
    for name in matched.fitting:
        needed[name].copy_(given[name])
    missing = set(matched.missing)
    alone = [name for name in matched.fitting if name.endswith(ORIGINAL) and missing.intersection(vectors_of(name))]
    for norm in spectral_norms(game, alone):
        was_training = norm.training
        norm.train()
        for _ in range(POWER_ITERATIONS):
            norm()
        norm.train(was_training)


def report(name: str, matched: Match, weights: Weights, players: list[str]) -> None:
    """Log what was loaded, and a line for each kind of difference."""
    about = f" ({printable(weights.description)})" if weights.description else ""
    log.info(
        "init: loaded %d of %d tensors of the %s from %s%s",
        len(matched.fitting),
        matched.needed,
        " and the ".join(players),
        name,
        about,
    )
    for line in matched.differences():
        log.info("init: %s", line)
    if weights.recipe is not None and (matched.reshaped or matched.unexpected):
        log.info("init: %s has the networks of these weights", weights.recipe)


def report_frozen(game: AdversarialModule, starts_anew: bool) -> None:
    """Log how much of each network is not trained, with a warning if that part has its initial weights."""
    for player in game.players():
        parameters = list(player.network.parameters())
        frozen = sum(parameter.numel() for parameter in parameters if not parameter.requires_grad)
        if frozen:
            whole = sum(parameter.numel() for parameter in parameters)
            log.info("freeze: %s of the %s's %s weights are not trained", f"{frozen:,}", player.name, f"{whole:,}")
            if starts_anew:
                log.warning("freeze: without init= these weights stay at their random initial values")


def record(files: Sequence[Path], matched: Match, weights: Weights, players: list[str]) -> dict[str, object]:
    """Return what summary.json says of the weights that a run started from."""
    return {
        "file": name_of(files),
        "description": weights.description,
        "players": players,
        "loaded": len(matched.fitting),
        "of": matched.needed,
        "unexpected": len(matched.unexpected),
    }
