"""Grids of codes."""

import numpy as np
import pytest
from PIL import Image

from ganexp.callbacks.code_grid import CodeGrid
from ganexp.drawing.pictures import picture
from ganexp.errors import UserError
from support.games import built, tiny_model
from support.stand_in_trainer import StandInTrainer


@pytest.fixture
def game():
    game = built(tiny_model("infogan"))
    game._trainer = StandInTrainer(game)
    game.trainer.loggers = []
    return game


def test_a_grid_has_the_first_categories_or_all(tmp_path, game):
    for rows, drawn in ((3, 3), (100, 10)):
        CodeGrid(str(tmp_path / str(rows)), every=8, seed=1, rows=rows).on_train_start(game.trainer, game)
        expected = picture(game.sample_code_grid(drawn, game.columns, 1), game.columns)
        assert np.array_equal(Image.open(tmp_path / str(rows) / "latest.png"), expected)


def test_a_model_without_codes_is_refused(tmp_path):
    game = built(tiny_model("dcgan"))
    with pytest.raises(UserError, match="callbacks=codes: this model's noise has no codes"):
        CodeGrid(str(tmp_path), every=8, seed=0).on_train_start(StandInTrainer(game), game)
