"""N batches, a stop and N more are 2 N batches: everything in the checkpoint is the same, bit for bit."""

import copy
import random
from functools import cache

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from omegaconf import OmegaConf
from PIL import Image
from torch import nn

from config import test_configs
from config.test_configs import tiny
from distributed import test_ddp
from ganexp.callbacks.budget import ImageBudget
from ganexp.config.build import build
from ganexp.data.images import ImageData
from ganexp.runs.checkpoint_diff import differences
from support.parts import in_default_suite, thinned
from support.tiny import QUIET, SIZE, adam, make_gan
from support.two_ranks import on_two_ranks, two_rank_trainer

# Half of the way is in the middle of an epoch of two batches, and of the critic's turns.
BATCH, HALF = 4, 3
CASES = test_ddp.CASES
RESUMED = thinned(CASES, 3, slow=("dcgan_tutorial", "biggan_deep", "contragan", "reacgan"))


@cache
def built(case):
    """Return the tiny form of a model, and of the data that it learns."""
    model, *others = CASES[case]
    config = tiny(model.removeprefix("model="), *others)
    for override in others:
        key, _, value = override.partition("=")
        if key.startswith(("model.", "data.")):
            OmegaConf.update(config, key, int(value) if value.isdigit() else float(value))
    torch.manual_seed(0)
    return build(config.model), test_configs.Pictures(config)


class HalfWay(L.Callback):
    """Saves a checkpoint after half of the batches."""

    def __init__(self, path):
        self.path = path

    def on_train_batch_end(self, trainer, module, *_):
        if module.batches_seen == HALF:
            trainer.save_checkpoint(self.path)


def play(module, data, folder, checkpoint=None, **trainer):
    """Return the checkpoint after all batches, from ``checkpoint`` on; half of the way leaves one as well."""
    callbacks = [ImageBudget(2 * HALF * BATCH), HalfWay(folder / "half.ckpt")]
    trainer = L.Trainer(**{**QUIET, **trainer}, callbacks=callbacks)
    trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    trainer.save_checkpoint(folder / "end.ckpt")
    return torch.load(folder / "end.ckpt", weights_only=True)


def play_twice(make, folder, settings=dict):
    """Return the checkpoints half of the way, at the end, and at the end after a stop half of the way."""
    whole = play(*make(), folder, **settings())
    # What a new process would not find in the state that this one is in.
    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    resumed = play(*make(), folder, folder / "half.ckpt", **settings())
    return torch.load(folder / "half.ckpt", weights_only=True), whole, resumed


def require_resumes(make, folder, settings=dict):
    """Fail unless a stop changes nothing; ``settings`` makes a trainer's."""
    half, whole, resumed = play_twice(make, folder, settings)
    assert differences(whole, resumed) == []
    moved = {each.name.partition(".")[0] for each in differences(half, whole)}
    assert moved >= {"state_dict", "optimizer_states", "ganexp"}
    return half, whole


def copies(case):
    return lambda: tuple(copy.deepcopy(part) for part in built(case))


@pytest.mark.parametrize("case", RESUMED)
def test_a_stop_changes_nothing(case, tmp_path):
    require_resumes(copies(case), tmp_path)


class Restless(nn.Module):
    """A user's network that draws from every global generator."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        noise = float(np.random.rand()) * random.random()
        return self.network(nn.functional.dropout(images, 0.2) + 0.1 * noise)


class Shaken(torch.utils.data.Dataset):
    """A user's folder of pictures, with a transform that draws from every global generator."""

    classes = ()

    def __init__(self, folder):
        self.paths = sorted(folder.glob("*.png"))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        picture = Image.open(self.paths[index])
        turned = picture.rotate(90 * random.randrange(4))
        shift = int(torch.randint(0, 50, ())) + np.random.randint(50)
        return turned.point(lambda value: value + shift), 0


@pytest.fixture
def shaken(tmp_path):
    """Makes a game of a user's own code on pictures left on disk, that so many workers read."""
    rng = np.random.default_rng(0)
    for number in range(2 * BATCH):
        Image.fromarray(rng.integers(0, 100, (SIZE, SIZE), dtype=np.uint8)).save(tmp_path / f"{number}.png")

    def make(workers, **options):
        module = make_gan(optimizer=adam)
        module.discriminator = Restless(module.discriminator)
        size = {"image_size": SIZE, "channels": 1, "num_classes": None, "batch_size": BATCH}
        source = {"source": lambda: Shaken(tmp_path), "name": "shaken", "seed": 0}
        return module, ImageData(**source, **size, in_memory=False, workers=workers, **options)

    return make


def test_the_table_of_what_is_shown_names_every_model():
    # It imports this file.
    from game import test_mixed_precision

    table = (
        (test_configs.CONF.parent / "docs" / "scale_inside.md")
        .read_text()
        .partition("## What is tested for each model")[2]
    )
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines() if line[:3] == "| `"]
    models = [name for name, *_ in rows]
    assert models == test_configs.GROUPS["model"]
    for column, parameters in enumerate((test_ddp.FAST, RESUMED, test_mixed_precision.MODELS), start=1):
        in_default = in_default_suite(parameters)
        assert [row[column] for row in rows] == [
            "tested" if model in in_default else "tested, slow" for model in models
        ]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_what_users_own_code_draws_from_global_generators_is_drawn_again(shaken, tmp_path, workers):
    require_resumes(lambda: shaken(workers), tmp_path)


def test_flips_and_dequantization_go_on_where_they_were(shaken, tmp_path):
    require_resumes(lambda: shaken(0, flip=True, dequantize=True), tmp_path)


@pytest.mark.slow
def test_workers_draw_what_one_process_draws(shaken, tmp_path):
    games = []
    for workers in (0, 2):
        (tmp_path / str(workers)).mkdir()
        games.append(play(*shaken(workers), tmp_path / str(workers)))
    assert differences(*games) == []


def scaled():
    """The settings of a trainer with a loss scaler."""
    plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=4))
    # Autocast to bfloat16 stands for float16, which the processor lacks kernels for.
    plugin.precision = "bf16-mixed"
    return {"plugins": [plugin]}


def test_a_loss_scaler_goes_on_from_its_state(tmp_path):
    half, whole = require_resumes(copies("dcgan_small"), tmp_path, scaled)
    # Two players' steps on each batch, and twice as much after each four.
    assert [each["MixedPrecision"]["scale"] for each in (half, whole)] == [128.0, 512.0]
    assert half["MixedPrecision"]["_growth_tracker"] == 2


def differing_on_two_ranks(rank, folder, cases):
    """What a stop changes in each game that two ranks play."""
    found = {}
    for case in cases:
        half, whole, resumed = play_twice(copies(case), folder, two_rank_trainer)
        assert differences(half, whole)
        found[case] = [each.name for each in differences(whole, resumed)]
    return found


@pytest.mark.slow
def test_a_stop_of_two_ranks_changes_nothing(tmp_path):
    for case in CASES:
        built(case)  # once, before there are two processes
    first, second = on_two_ranks(differing_on_two_ranks, tmp_path, list(CASES))
    assert first == second == {case: [] for case in CASES}


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case != "dcgan_tutorial"])
def test_a_stop_changes_nothing_in_mixed_precision_too(case, tmp_path):
    require_resumes(copies(case), tmp_path, lambda: {"precision": "bf16-mixed"})
