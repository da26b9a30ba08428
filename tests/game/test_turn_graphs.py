"""Turns as graphs, on a processor: recorded operations are replayed in the place of CUDA graphs."""

import pytest
import torch

from config.test_configs import GROUPS
from ganexp.game.turn_graphs import TurnGraphs
from support.games import Trainer, batch_of, built, of_groups
from support.recorded_graph import RecordedGraphs
from support.tiny import same, state


def played(config, batches, graphed, **graphs):
    """Return a game after some batches, each of other images, and the graphs that computed its gradients."""
    game = built(config)
    game._trainer = Trainer(game)
    backend = RecordedGraphs()
    if graphed:
        game.gradient_pass = TurnGraphs(game, backend, **graphs)
    terms = []
    for number in range(batches):
        batch = {
            name: value.roll(number, 0) * (1 - number / 100) if value.is_floating_point() else value.roll(number, 0)
            for name, value in batch_of(config).items()
        }
        game.training_step(batch, 0)
        terms.append(game.read_terms())
    return game, terms, backend


def require_equal(config, batches, captures, **graphs):
    eager, eager_terms, _ = played(config, batches, False)
    graphed, terms, backend = played(config, batches, True, **graphs)
    assert graphed.gradient_pass.reasons == {}
    assert backend.captures == captures
    assert terms == eager_terms
    assert same(state(graphed), state(eager))
    assert all(torch.equal(graphed.watched[name], logits) for name, logits in eager.watched.items())
    return backend


@pytest.mark.parametrize("model", GROUPS["model"])
def test_every_models_turns_are_captured_and_equal_eager_ones_bit_for_bit(model):
    require_equal(of_groups(model, {}), 12, captures=1 if model == "unet_l1" else 2)
