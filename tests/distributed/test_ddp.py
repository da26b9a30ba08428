"""Two processes that each see half of every batch play the game that one plays with all of it."""

import json
from functools import cache, partial

import lightning as L
import pytest
import torch
from omegaconf import OmegaConf

from config import test_configs
from config.test_configs import GROUPS, tiny
from ganexp.augmentation.adaptive import AdaptiveAugmentation
from ganexp.callbacks.budget import ImageBudget
from ganexp.callbacks.checkpoints import LastCheckpoint
from ganexp.callbacks.curves import Curves
from ganexp.callbacks.samples import SampleGrid
from ganexp.config.build import build
from ganexp.config.types import flatten
from ganexp.data.memory import InMemory
from ganexp.ema import ExponentialMovingAverage
from ganexp.layers import normalization
from ganexp.layers.statistics import running_statistics
from ganexp.loggers.metrics_csv import MetricsCSV
from ganexp.networks import dcgan, mlp
from ganexp.penalties.lecam import LeCam
from ganexp.variants.gan import GAN
from support import tiny as small
from support.parts import in_default_suite
from support.runs import rows
from support.scored import SCORED, Bytes, scores
from support.tiny import QUIET, adam, make_gan
from support.two_ranks import on_two_ranks, start_method, two_rank_trainer

BATCH, BATCHES = 8, 3
CASES = {
    **{model: [f"model={model}"] for model in GROUPS["model"]},
    "relativistic, r1 and r2": ["model=dcgan_small", "penalty=r1_r2", "loss=relativistic"],
    "lazy r1": ["model=dcgan_small", "penalty=r1", "penalty.r1.every=2"],
    # Without hidden layers that are normalized the critic's gradient hardly depends on where it is taken.
    "dragan of a curved critic": ["model=dragan", "normalization=layer", "data.image_size=16"],
    "lecam": ["model=cdcgan", "penalty=lecam", "loss=hinge"],
    "critic's turns and accumulation": ["model=wgan_gp", "model.critic_steps=2", "model.accumulate=2"],
    "top-k": ["model=dcgan_small", "loss=top_k", "images=20", "loss.until=0.5"],
    "clipping": ["model=wgan", "model.gradient_clip=0.01"],
    "ada": ["model=dcgan_small", "augmentation=ada", "augmentation.p=0.5", "augmentation.images_to_full=100"],
    "diffaugment": ["model=dcgan_small", "augmentation=diffaugment"],
    # Of three batches of 8, or of the second half of six of 4, the first are at a coarser stage.
    "growth": ["model=progan", "images=30", "model.growth.until=0.5"],
    "apa": ["model=cdcgan", "augmentation=apa", "augmentation.p=0.5"],
    "consistency": ["model=dcgan_small", "penalty=[bcr,zcr]"],
}
# Mean absolute differences have gradients of signs, and instance normalization divides by small deviations, so rounding
# in single precision grows; in double precision these games are as exact as the others.
LOOSER = {"cyclegan": 5e-4, "cut": 5e-4}
# In double precision, for a discriminator that normalizes maps of 3x3 pixels.
LOOSER_DOUBLE = {"pix2pix": 1e-10}
# The law leaves out batch normalization, which looks at a rank's own images, and dropout, which each rank draws itself.
WITHOUT_BATCH_NORM = {"batch": "layer", "batch_spectral": "spectral"}


class Pictures(test_configs.Pictures):
    """The same random pictures for all processes."""

    def __init__(self, config, dtype):
        super().__init__(config)
        self.batch_size = BATCH
        shape = (4 * BATCH, config.data.channels, config.data.image_size, config.data.image_size)
        images = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype) * 2 - 1
        self.dataset = InMemory(images, torch.arange(len(images)) % config.data.num_classes)


@cache
def config_of(case):
    model, *others = CASES[case]
    config = tiny(model.removeprefix("model="), "optimizer=sgd", *others)
    for override in others:
        key, _, value = override.partition("=")
        if key.startswith(("model.", "data.")):
            OmegaConf.update(config, key, int(value) if value.isdigit() else float(value))
    for kind in config.normalization.values():
        package, _, name = kind._target_.rpartition(".")
        kind._target_ = f"{package}.{WITHOUT_BATCH_NORM.get(name, name)}"
    for key, _ in flatten(OmegaConf.to_container(config)):
        if key.endswith("dropout"):
            OmegaConf.update(config, key, 0.0)
    return config


def play(case, dtype, **trainer):
    """Return all that is left of a short game: weights, averages, what penalties and augmentation remember, losses."""
    config = config_of(case)
    torch.manual_seed(0)
    module = build(config.model).to(dtype)
    settings = {**QUIET, "precision": "64-true" if dtype is torch.float64 else "32-true", **trainer}
    L.Trainer(**settings, callbacks=[ImageBudget(BATCHES * BATCH)]).fit(module, datamodule=Pictures(config, dtype))
    left = {name: value for name, value in module.state_dict().items() if isinstance(value, torch.Tensor)}
    left |= {f"term {name}": torch.tensor(value) for name, value in module.read_terms().items()}
    return {**left, "images": torch.tensor(module.images_seen)}


def play_all(rank, games):
    return {(case, str(dtype)): play(case, dtype, **two_rank_trainer()) for case, dtype in games}


def require_equal(ranks, case, dtype):
    whole = play(case, dtype)
    for rank in ranks:
        left = rank[case, str(dtype)]
        assert left.keys() == whole.keys()
        for name, value in whole.items():
            # Losses are computed in float32 whatever the weights are; some weights grow to thousands, where the last of
            # float64's digits is larger than 1e-12.
            exact = dtype is torch.float64 and not name.startswith("term")
            rtol, atol = (1e-14, LOOSER_DOUBLE.get(case, 1e-12)) if exact else (1e-5, LOOSER.get(case, 1e-5))
            torch.testing.assert_close(left[name], value, rtol=rtol, atol=atol, msg=f"{case}: {name}")


# Those of biggan's networks take seconds.
LARGE = ("biggan", "contragan", "reacgan")
FAST = [pytest.param(case, torch.float64) for case in list(CASES)[1::3] if not case.startswith(LARGE)]
SLOW = [
    *(pytest.param(case, torch.float64) for case in CASES if case not in in_default_suite(FAST)),
    *(pytest.param(case, torch.float32) for case in CASES),
]


@pytest.fixture(scope="module")
def fast():
    for case in in_default_suite(FAST):
        config_of(case)  # once, before there are two processes
    return on_two_ranks(play_all, [parameter.values for parameter in FAST])


@pytest.fixture(scope="module")
def slow():
    return on_two_ranks(play_all, [parameter.values for parameter in SLOW])


@pytest.mark.parametrize(("case", "dtype"), FAST)
def test_two_ranks_with_half_a_batch_each_equal_one_with_the_whole(fast, case, dtype):
    require_equal(fast, case, dtype)


class Noted(GAN):
    """Notes the noise that it draws."""

    def __init__(self, **gan):
        super().__init__(**gan)
        self.drawn = []

    def draw_noise(self, player, n):
        self.drawn.append(super().draw_noise(player, n))
        return self.drawn[-1]


def noise(rank, **trainer):
    module = make_gan(cls=Noted)
    small.fit(module, 3, **trainer)
    return module.drawn


def noise_of_two(rank):
    return noise(rank, **two_rank_trainer())


def test_each_rank_draws_its_own_part_of_the_noise_of_one():
    first, second = on_two_ranks(noise_of_two)
    assert len(first) == 6
    assert all(not torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert all(torch.equal(torch.cat(pair[:2]), pair[2]) for pair in zip(first, second, noise(0), strict=True))


@pytest.mark.slow
def test_new_processes_play_what_forked_ones_play(monkeypatch):
    forked = on_two_ranks(noise_of_two)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert start_method() == "spawn"
    spawned = on_two_ranks(noise_of_two)
    assert all(torch.equal(*pair) for ranks in zip(forked, spawned, strict=True) for pair in zip(*ranks, strict=True))


def make_everything():
    """A game with all that ranks could come to disagree on."""
    torch.manual_seed(0)
    ada = AdaptiveAugmentation(p=0.3, images_to_full=100)
    module = make_gan(
        normalization.batch_spectral,
        adam,
        networks=dcgan,
        images=80,
        ema=partial(ExponentialMovingAverage, averaged_buffers=running_statistics),
        critic_steps=2,
        augmentation=ada,
        penalties={"lecam": LeCam()},
        scored_samples=40,
    )
    torch.manual_seed(1)
    module.discriminator = mlp.Discriminator(1, small.SIZE, normalization.batch(), widths=(6, 5), dropout=0.5)
    return module


def play_everything(rank, folder, batches, checkpoint=None):
    """Return the game's whole state after a run with all callbacks."""
    module = make_everything()
    (folder / "checkpoints").mkdir(exist_ok=True, parents=True)
    parts = [
        scores(folder),
        Curves(str(folder), every=24),
        SampleGrid(str(folder / "samples"), every=24, seed=0, rows=2),
        LastCheckpoint(str(folder / "checkpoints"), every=16),
    ]
    # The callback alone says when there is a validation.
    never = {"num_sanity_val_steps": 0, "check_val_every_n_epoch": 10**9}
    options = {"data": Bytes(), "logger": [MetricsCSV(str(folder))], **never, **two_rank_trainer()}
    trainer = small.fit(module, batches, parts, ckpt_path=checkpoint, **options)
    optimizers = [value for each in trainer.optimizers for part in each.state.values() for value in part.values()]
    return {"module": small.state(module), "optimizers": optimizers, "images": module.images_seen}


@pytest.fixture
def resumed(tmp_path, monkeypatch):
    """A run of ten batches on two ranks, the same stopped after five and resumed, and their folders."""
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    whole, split = tmp_path / "whole", tmp_path / "split"
    uninterrupted = on_two_ranks(play_everything, whole, 10)
    on_two_ranks(play_everything, split, 5)
    MetricsCSV(str(split)).forget_after(40)
    return uninterrupted, on_two_ranks(play_everything, split, 10, split / "checkpoints" / "last.ckpt"), whole, split


def test_two_ranks_hold_the_same_game_and_resume_it_bit_for_bit(resumed):
    uninterrupted, again, whole, split = resumed
    for rank in (uninterrupted[1], *again):
        assert rank["images"] == 80
        assert small.same(rank["module"], uninterrupted[0]["module"])
        assert all(torch.equal(*pair) for pair in zip(rank["optimizers"], uninterrupted[0]["optimizers"], strict=True))
    assert rows(whole) == rows(split)
    assert [row["images"] for row in rows(whole)] == ["24", "48", "72", "80"]
    assert (whole / "scores.json").read_text() == (split / "scores.json").read_text()
    for path in (whole / "samples").iterdir():
        assert path.read_bytes() == (split / "samples" / path.name).read_bytes()


def scored(rank, folder, samples, **trainer):
    """Return a score of an untrained generator, which learns nothing."""
    (folder / "checkpoints").mkdir(exist_ok=True, parents=True)
    module = make_gan(optimizer=resting, images=32, scored_samples=samples)
    never = {"num_sanity_val_steps": 0, "check_val_every_n_epoch": 10**9}
    small.fit(module, 4, [scores(folder)], data=Bytes(), logger=[MetricsCSV(str(folder))], **never, **trainer)
    return json.loads((folder / "scores.json").read_text())["scores"]


def resting(parameters):
    return torch.optim.SGD(parameters, lr=0.0)


def scored_by_two(rank, folder, samples):
    return scored(rank, folder, samples, **two_rank_trainer())


@pytest.mark.parametrize("samples", [SCORED, 40], ids=["unequal parts", "one rank without"])
def test_two_ranks_score_each_sample_once(tmp_path, monkeypatch, samples):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    one = scored(0, tmp_path / "one", samples)
    two = on_two_ranks(scored_by_two, tmp_path / "two", samples)[0]
    assert [each["value"] for each in two] == pytest.approx([each["value"] for each in one], rel=1e-10)
    assert [each["protocol"] for each in two] == [each["protocol"] for each in one]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "dtype"), SLOW)
def test_two_ranks_equal_one_in_every_other_case_too(slow, case, dtype):
    require_equal(slow, case, dtype)
