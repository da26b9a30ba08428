import pytest

from config.test_configs import tiny
from ganexp.callbacks.stages import StageGrid
from ganexp.config.build import build
from support.stand_in_trainer import StandInTrainer


@pytest.fixture
def game():
    game = build(tiny("lapgan").model)
    game._trainer = StandInTrainer(game)
    return game


def test_stages_are_drawn_when_the_interval_has_passed_and_at_the_end(tmp_path, game):
    callback = StageGrid(str(tmp_path), every=8, seed=0, rows=2)
    game.trainer.loggers = []
    callback.on_train_start(game.trainer, game)
    for game.images_seen in (4, 8, 12):
        callback.on_train_batch_end(game.trainer, game)
    callback.on_train_end(game.trainer, game)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000008.png", "00000012.png", "latest.png"]
    assert (tmp_path / "latest.png").read_bytes() == (tmp_path / "00000012.png").read_bytes()


def test_refuses_less_than_a_row(tmp_path):
    with pytest.raises(ValueError, match=r"callbacks\.stages\.rows=0: it must be 1 or more"):
        StageGrid(str(tmp_path), every=8, seed=0, rows=0)
