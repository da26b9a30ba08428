"""The games that gpu.py times, the ways to train them, and ganexp's overrides for each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_workers import Task

MODELS = Path(__file__).parents[1] / "conf" / "model"
SIZES = {"dcgan_tutorial": 28}
"""Of models that cannot make 32x32."""
IMAGES = 2_000_000
"""The budget of images, which decides how often is logged, drawn and saved; the timing stops long before."""
SOURCE = "data.source._target_=train_step.RandomPictures"
DATA = {
    None: ["data=cifar10", SOURCE],
    "paired": ["data=mosaic", "data/source=cifar10", SOURCE],
    "unpaired": ["data=mosaic_unpaired", "data/source=cifar10", SOURCE],
}
"""Random pictures, by what a model requires."""


@dataclass(frozen=True)
class Game:
    """A model, its image size and its batch size."""

    model: str
    size: int = 32
    batch_size: int = 64

    def __str__(self) -> str:
        return f"{self.model} {self.size}, {self.batch_size}"


GAMES = (
    Game("dcgan", 32, 128),
    Game("sngan_resnet", 32, 64),
    Game("wgan_gp", 32, 64),
    Game("biggan", 32, 64),
    Game("dcgan", 64, 128),
    Game("r3gan", 32, 64),
)


@dataclass(frozen=True)
class Way:
    """A way to train: the loop, ganexp's overrides, and the setting of graphs.enabled, empty for bare loops."""

    name: str
    loop: str
    overrides: tuple[str, ...] = ()
    graphs: str = ""


REDUCED = ("trainer.precision=bf16-mixed", "numerics.channels_last=true")
WAYS = (
    Way("ganexp eager", "ganexp", (), "false"),
    Way("ganexp graphs", "ganexp", (), "true"),
    Way("ganexp graphs, bf16, channels_last", "ganexp", REDUCED, "true"),
    Way("bare eager", "bare eager"),
    Way("bare graphs", "bare graphs"),
)


def model_names() -> list[str]:
    """Return the names of all models of conf/model."""
    return sorted(path.stem for path in MODELS.glob("*.yaml"))


def chosen_games(text: str) -> tuple[Game, ...]:
    """Return the games of a list of MODEL, MODEL-SIZE or MODEL-SIZE-BATCH, or "all", which is every model.

    Raises ValueError naming one that is none of these.
    """
    models = model_names()
    if text == "all":
        return tuple(Game(model, SIZES.get(model, 32)) for model in models)
    games = []
    for name in filter(None, text.split(",")):
        model, *numbers = name.split("-")
        if model not in models or len(numbers) > 2 or not all(number.isdigit() for number in numbers):
            raise ValueError(f"{name}: not MODEL, MODEL-SIZE or MODEL-SIZE-BATCH with one of {', '.join(models)}")
        size, batch_size = [*map(int, numbers), *(SIZES.get(model, 32), 64)[len(numbers) :]]
        games.append(Game(model, size, batch_size))
    return tuple(games)


def task(game: Game, way: Way, device: str, overrides: Sequence[str] = ()) -> Task:
    """Return what a worker trains; further ``overrides`` under graphs. are for ganexp's own loop alone."""
    own, graphs = [], {"enabled": way.graphs} if way.graphs else {}
    for override in overrides:
        key, _, value = override.partition("=")
        if not key.startswith("graphs."):
            own.append(override)
        elif way.loop == "ganexp":
            graphs[key.removeprefix("graphs.")] = value
    settings = [
        f"model={game.model}",
        *DATA[composed(game.model)["requires"]["inputs"]],
        "metric=none",
        f"data.image_size={game.size}",
        f"data.batch_size={game.batch_size}",
        f"images={IMAGES}",
        f"trainer={'gpu' if device == 'cuda' else 'cpu'}",
        *way.overrides,
        *own,
    ]
    return Task(way.loop, settings, graphs)


def cycle(game: Game) -> int:
    """Return the number of batches after which a game repeats: the generator's turn and all lazy penalties."""
    config = composed(game.model)
    every = [penalty.get("every", 1) for penalty in config.get("penalty", {}).values() if penalty is not None]
    return math.lcm(config["model"].get("critic_steps") or 1, *every)


def composed(model: str) -> dict[str, Any]:
    """Return the configuration of a model."""
    from ganexp.config import composition

    return composition.compose_or_empty([f"model={model}"], [composition.conf_dir()])
