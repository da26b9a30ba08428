"""Stages of the GPU test suite: pytest's tests, and each model of conf/model through every command."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganexp.config import composition
from ganexp.config.types import flatten
from gpu.gpu_runner import Chain, Step

TESTS = Path(__file__).parents[1]
CHECKS = Path(__file__).with_name("gpu_checks.py")
GANEXP = [sys.executable, "-m", "ganexp"]
CLASSES, PICTURES, SIDE = 4, 24, 32

SMALL = {
    "model.generator.width": 8,
    "model.discriminator.width": 8,
    "model.generator.network.width": 8,
    "model.discriminator.network.width": 8,
    "model.discriminator.hidden": 8,
    "model.generator.encoder.width": 8,
    "model.encoder.width": 8,
    "model.generator.blocks": 1,
    "model.projection.features": 8,
    "model.critic_steps": 2,
}
"""Small values of settings, used where a model has them."""
IMAGE_SIZE = {"dcgan_tutorial": 28}
"""The image sizes of models that cannot generate ``SIDE`` x ``SIDE`` images."""
SCORED = ["scoring.samples=32", "scoring.every=32", "+extractor.classifier.epochs=1"]
ANALYSES = [
    *("walk.walks=2", "walk.steps=2", "walk.length=2"),
    *("contact_sheet.n=4", "contact_sheet.columns=2"),
    *("neighbours.samples=16", "neighbours.k=2", "neighbours.shown=2"),
    *("arithmetic.plus=[[0,1,2],[3,4,5]]", "arithmetic.minus=[[6,7,8]]", "arithmetic.pool=16"),
    *(
        "turn.start=[0,1,2]",
        "turn.end=[3,4,5]",
        "turn.measured=right",
        "turn.pool=16",
        "turn.samples=3",
        "turn.steps=3",
    ),
    *("truncation.thresholds=[0.5]", "truncation.samples=8"),
    *("filters.images=20", "filters.layers=2", "filters.features=2", "filters.best=2"),
    *("forget.samples=20", "forget.counts=1", "forget.draws=2"),
    *("probe.images=48", "probe.labels=[12]", "probe.seeds=1"),
    *("spectrum.images=16", "equilibrium.images=16"),
    *("latent_directions.directions=1", "latent_directions.steps=3", "latent_directions.random=2"),
]
PRECISIONS = {"cuda": ("32-true", "bf16-mixed", "16-mixed"), "cpu": ("32-true", "bf16-mixed")}
"""CPUs have no kernels for float16."""
SWEPT = ("loss", "penalty", "normalization", "augmentation", "optimizer", "schedule", "precision")
LOGGERS = {"tensorboard": ("tensorboard",), "trackio": ("trackio",), "wandb": ("wandb",)}
"""The packages that loggers need."""


PUPPETS = ["data=puppets", "data.image_size=16", "data.source.people=20", "data.source.test_people=4"]


def make_pictures(folder: Path) -> Path:
    """Return a folder of random RGB pictures in a subfolder for each class."""
    rng = np.random.default_rng(0)
    for number in range(CLASSES * PICTURES):
        path = folder / f"class{number % CLASSES}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    return folder


def models() -> list[str]:
    """Return the names of all options of conf/model that are models."""
    return composition.groups(composition.conf_dir())["model"]


def trainer(device: str) -> str:
    """Return the trainer for a device, cuda or cpu."""
    return "trainer=gpu" if device == "cuda" else "trainer=cpu"


def shrunk(config: dict[str, Any]) -> list[str]:
    """Return the overrides of ``SMALL`` for which the configuration has a key."""
    settings = dict(flatten(config))
    return [f"{key}={value}" for key, value in SMALL.items() if key in settings]


def data_for(model: str, inputs: str | None, pictures: Path) -> list[str]:
    """Return the overrides that train a model on the pictures, as pairs or domains where it translates."""
    size = f"data.image_size={IMAGE_SIZE.get(model, SIDE)}"
    if inputs is None:
        return ["data=image_folder", f"data.root={pictures}", size]
    data = "mosaic" if inputs == "paired" else "mosaic_unpaired"
    return [f"data={data}", "data/source=image_folder", f"data.root={pictures}", size, "data.test_images=8"]


def model_chain(model: str, device: str, pictures: Path, out: Path) -> Chain:
    """Return the chain that trains a model for a few batches and uses every command on the run."""
    config = composition.compose_or_empty([f"model={model}"], [])
    inputs = config["requires"]["inputs"]
    run = out / "models" / model
    scored = [] if inputs else SCORED
    few = ["data.batch_size=8", "images=96", trainer(device)]
    driven = config["requires"]["landmarks"]
    clips = out / "clips" / model
    data = PUPPETS if driven else data_for(model, inputs, pictures)
    train = [f"model={model}", *data, *shrunk(config), *few, *scored]
    steps = [
        *([step("clips", "data", "puppets", f"out={clips}", "people=2", "frames=4")] if driven else []),
        step("train", *train, f"run_dir={run}"),
        step("resume", f"resume={run}", "images=128"),
        step("verify", "verify", f"run={run}", "steps=2", "ranks=1"),
        used(run, pictures, translates=inputs is not None, clips=clips if driven else None),
    ]
    return Chain(model, steps)


def used(run: Path, pictures: Path, translates: bool, clips: Path | None = None) -> Step:
    """Return the step that uses the other commands on a run, in one process since each takes seconds to import.

    A model that landmarks drive is given ``clips`` to translate.
    """
    commands = {
        "evaluate": [f"run={run}", *([] if translates else ["samples=[32]"])],
        "sample": [f"run={run}", "n=8", f"out={run}-samples"],
    }
    if clips is not None:
        person, clip = clips / "0000" / "person.png", clips / "0001" / "clip0"
        commands["translate"] = [f"run={run}", f"input={person}", f"drive={clip}", f"out={run}.gif"]
    elif translates:
        commands["translate"] = [f"run={run}", f"input={pictures / 'class0'}", f"out={run}-translated"]
    else:
        options = [f"analysis.{option}" for option in ANALYSES]
        commands["analyze"] = [f"run={run}", "analysis=all", *options, f"out={run}-analysis"]
    given = [str(CHECKS), "run", str(run), str(pictures), f"{run}-demo", json.dumps(commands)]
    return Step(f"{', '.join(commands)}, demo", [sys.executable, *given], 240.0, reports=True)


def step(name: str, *arguments: str, needs: tuple[str, ...] = (), limit: float = 240.0) -> Step:
    """Return a step that runs ``python -m ganexp`` with the arguments."""
    return Step(name, [*GANEXP, *arguments], limit, needs)


def option_chains(device: str, pictures: Path, out: Path) -> list[Chain]:
    """Return chains that train with each option of the groups that many models accept, and in each precision."""
    groups = composition.groups(composition.conf_dir())
    values = {group: groups[group] for group in SWEPT} | {"trainer.precision": PRECISIONS[device]}
    # Without batch normalization in the discriminator, which rules out many penalties and losses.
    compatible = {group: ["normalization=layer"] for group in ("loss", "penalty")}
    game = [*tiny("dcgan", pictures), trainer(device), "metric=none", "skip_refused=true"]
    chains = []
    for key, names in values.items():
        given = [*game, *compatible.get(key, []), f"{key}={','.join(names)}", f"sweep_dir={out}/sweeps/{key}"]
        chains.append(Chain(key, [step("train with each", "-m", *given)]))
    several = "trainer=ddp" if device == "cuda" else "trainer=ddp_cpu"
    alone = [*tiny("dcgan", pictures), "metric=none", several, "trainer.devices=1", "model.accumulate=2"]
    return [*chains, Chain("ddp", [step("train on one device", *alone, f"run_dir={out}/ddp")])]


def tiny(model: str, pictures: Path) -> list[str]:
    """Return the overrides of a short run of a model that draws images from noise."""
    return [
        f"model={model}",
        "model.generator.width=8",
        "model.discriminator.width=8",
        *("data=image_folder", f"data.root={pictures}", "data.image_size=16", "data.batch_size=8", "images=32"),
    ]


def logger_chains(device: str, pictures: Path, out: Path) -> list[Chain]:
    """Return chains that train with each logger, and open the board's page."""
    chains = []
    for logger in composition.groups(composition.conf_dir())["logger"]:
        run, needs = out / "loggers" / logger, LOGGERS.get(logger, ())
        game = [*tiny("dcgan", pictures), trainer(device), "metric=none", f"logger={logger}", f"run_dir={run}"]
        steps = [step("train", *game, needs=needs)]
        if logger == "trackio":
            steps.append(Step("board", [sys.executable, str(CHECKS), "board", str(run)], 120.0, needs))
        chains.append(Chain(f"logger {logger}", steps))
    return chains


def list_chain(pictures: Path, out: Path) -> Chain:
    """Return the chain of commands that need no run."""
    inspected = ["data=image_folder", f"data.root={pictures}", f"out={out}/inspected"]
    listed = [step("list", "list"), step("list matrix", "list", "matrix")]
    return Chain("commands without a run", [*listed, step("data inspect", "data", "inspect", *inspected)])


def compare_chain(out: Path) -> Chain:
    """Return the chain that compares all runs of the other chains."""
    compare = step("compare", "compare", f"{out}/models/*", f"out={out}/comparison", needs=("jinja2",))
    return Chain("all runs", [compare])


def pytest_chains(out: Path, shards: int) -> list[Chain]:
    """Return the chains of pytest: the default suite in ``shards`` parts, by files, and the tests marked gpu.

    Those are in a quarter as many parts, by cases, since most are cases of one test.
    """
    files = sorted(TESTS.rglob("test_*.py"), key=lambda path: -path.stat().st_size)
    of_gpu = [path for path in files if "mark.gpu" in path.read_text()]
    parts = max(1, shards // 4)
    chains = []
    for number in range(parts):
        part_of = ["--shard", f"{number}/{parts}"]
        name = f"gpu tests, part {number + 1} of {parts}"
        chains.append(Chain("tests marked gpu", [pytest_step(name, of_gpu, "gpu", out, part_of)]))
    for number, part in enumerate(balanced(files, shards), 1):
        name = f"part {number} of {shards}"
        chains.append(Chain("default suite", [pytest_step(name, part, "not slow and not gpu and not chaos", out)]))
    return chains


def pytest_step(name: str, paths: Sequence[Path], marked: str, out: Path, further: Sequence[str] = ()) -> Step:
    """Return the step that runs the tests in ``paths`` selected by the marker expression, with further options."""
    options = [*further, "-m", marked, "-rfEs", "-p", "no:cacheprovider", "--rootdir", str(TESTS.parent)]
    options += ["-c", str(TESTS.parent / "pyproject.toml"), "--basetemp", str(out / "tmp" / name.replace(" ", "-"))]
    return Step(name, [sys.executable, "-m", "pytest", *options, *map(str, paths)], 420.0, ("pytest",), reports=True)


def balanced(files: Sequence[Path], shards: int) -> list[list[Path]]:
    """Return the files, largest first, in parts of about the same size."""
    parts: list[list[Path]] = [[] for _ in range(shards)]
    sizes = [0] * shards
    for file in files:
        smallest = sizes.index(min(sizes))
        parts[smallest].append(file)
        sizes[smallest] += file.stat().st_size
    return [part for part in parts if part]
