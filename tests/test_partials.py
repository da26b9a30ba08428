"""Partial functions of a configuration, without Hydra's questions at each call."""

import traceback
from functools import partial

import pytest
from omegaconf import OmegaConf

from config.test_configs import GROUPS
from ganexp.config.build import build
from ganexp.partials import plain
from support.games import Trainer, batch_of, built, tiny_with
from support.parts import thinned


def test_a_plain_partial_is_one_of_functools_with_the_same_arguments():
    node = {"_target_": "ganexp.schedules.linear", "_partial_": True, "start": 0.5, "final": 0.2}
    made = build(OmegaConf.create(node))
    unwrapped = plain(made)
    assert type(unwrapped) is partial
    assert unwrapped.keywords == {"start": 0.5, "final": 0.2}
    assert [unwrapped(share) for share in (0.0, 0.75, 1.0)] == [made(share) for share in (0.0, 0.75, 1.0)]


def test_what_is_no_partial_stays_as_it_is():
    assert plain(max) is max


@pytest.mark.parametrize("model", thinned(GROUPS["model"], 4))
def test_no_models_turn_asks_hydra_whether_it_may_call_a_function(model, monkeypatch):
    config = tiny_with(model, {})
    game = built(config)
    game._trainer = Trainer(game)
    of_hydra = type(build(OmegaConf.create({"_target_": "ganexp.schedules.linear", "_partial_": True})))
    if of_hydra is partial:
        pytest.skip("this version of Hydra makes plain partial functions")
    game.training_step(batch_of(config), 0)  # optimizers are made in the first
    callers = []

    def noted(self, *args, **kwargs):
        callers.append(traceback.extract_stack(limit=2)[0])
        return partial.__call__(self, *args, **kwargs)

    monkeypatch.setattr(of_hydra, "__call__", noted)
    for _ in range(3):
        game.training_step(batch_of(config), 0)
    assert callers == []
