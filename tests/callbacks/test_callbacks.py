"""What callbacks leave in a run's folder."""

import math

import pytest
import torch
from PIL import Image

from ganexp.callbacks.checkpoints import LastCheckpoint
from ganexp.callbacks.curves import Curves
from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.pictures import picture, scatter
from ganexp.drawing.plots import read_curves
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.layers import normalization
from ganexp.loggers.metrics_csv import MetricsCSV
from ganexp.networks import dcgan
from support.runs import rows
from support.tiny import adam, fit, make_gan, same, state


def callbacks(folder):
    folder.mkdir(exist_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    return [
        Curves(str(folder), every=16),
        SampleGrid(str(folder / "samples"), every=24, seed=0, rows=2),
        LastCheckpoint(str(folder / "checkpoints"), every=16),
    ]


def play(folder, batches, **options):
    module = make_gan(
        normalization.batch, networks=dcgan, optimizer=adam, images=64, ema=ExponentialMovingAverage, critic_steps=2
    )
    fit(module, batches, callbacks(folder), logger=[MetricsCSV(str(folder))], **options)
    return module


def test_grids_come_at_the_start_every_so_many_images_and_at_the_end(tmp_path):
    module = play(tmp_path, 8)
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == ["00000000.png", "00000024.png", "00000048.png", "00000064.png", "latest.png"]
    expected = picture(module.sample(16, 0), 8)
    assert list(Image.open(tmp_path / "samples" / "latest.png").tobytes()) == list(expected.tobytes())


def test_a_scatter_plot_has_a_thousand_points(tmp_path):
    class OfPoints:
        columns = 8

        def sample(self, n, seed):
            return torch.rand(n, 2, 1, 1, generator=torch.Generator().manual_seed(seed)) * 2 - 1

    drawn = SampleGrid(str(tmp_path), every=64, seed=5).render(None, OfPoints())
    assert drawn.tobytes() == scatter(OfPoints().sample(1_024, 5).flatten(1)).tobytes()


def test_a_row_comes_every_so_many_images_and_covers_all_turns_since_the_last(tmp_path):
    play(tmp_path, 8)
    curves = read_curves(tmp_path / "metrics.csv")
    assert {name.partition("/")[0] for name in curves} == {"loss", "discriminator", "learning_rate", "time"}
    assert [images for images, _ in curves["loss/discriminator/adversarial"]] == [16, 32, 48, 64]
    assert all(0 <= value <= 1 for _, value in curves["discriminator/real_output"])
    assert (tmp_path / "curves.png").stat().st_size > 1_000


def test_a_resumed_run_leaves_the_rows_pictures_and_weights_of_an_uninterrupted_one(tmp_path):
    whole, split = tmp_path / "whole", tmp_path / "split"
    uninterrupted = play(whole, 8)
    play(split, 5)
    MetricsCSV(str(split)).forget_after(40)
    resumed = play(split, 8, ckpt_path=split / "checkpoints" / "last.ckpt")
    assert same(state(uninterrupted), state(resumed))
    assert rows(whole) == rows(split)
    for path in (whole / "samples").iterdir():
        assert path.read_bytes() == (split / "samples" / path.name).read_bytes()


def test_drawing_and_logging_do_not_change_training(tmp_path):
    watched = play(tmp_path, 8)
    alone = make_gan(
        normalization.batch, networks=dcgan, optimizer=adam, images=64, ema=ExponentialMovingAverage, critic_steps=2
    )
    fit(alone, 8)
    assert same(state(watched), state(alone))


def test_weights_that_are_not_finite_never_replace_a_good_checkpoint(tmp_path):
    module = play(tmp_path, 4)
    path = tmp_path / "checkpoints" / "last.ckpt"
    good = path.read_bytes()
    with torch.no_grad():
        next(module.generator.parameters()).view(-1)[0] = math.nan
    # Its own, as the check and the writing must share their tasks.
    checkpoints = next(callback for callback in module.trainer.callbacks if isinstance(callback, LastCheckpoint))
    with pytest.raises(UserError, match=r"the weights generator.* are not finite"):
        checkpoints.on_train_end(module.trainer, module)
    assert path.read_bytes() == good
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_checkpoint_holds_tensors_and_plain_values_only(tmp_path):
    play(tmp_path, 3)
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["ganexp"]["images_seen"] == 24
    assert checkpoint["ganexp"]["batches_seen"] == 3
