"""Turns as graphs on two ranks, on processors: each replays its own, and the game averages the gradients between."""

import json
from unittest.mock import patch

import lightning as L
import pytest
import torch

from distributed.test_ddp import BATCH, Pictures, config_of
from ganexp.callbacks.budget import ImageBudget
from ganexp.config.build import build
from ganexp.distributed.exchanges import Exchanges
from ganexp.runs.checkpoint_diff import differences
from ganexp.training import capture
from support.recorded_graph import RecordedGraphs
from support.runs import TINY, last_checkpoint
from support.tiny import QUIET, same, state
from support.two_ranks import on_two_ranks, two_rank_trainer

BATCHES = 7
EXCHANGING = "its loss exchanges values between the ranks"
CASES = {
    "lazy r1": {},
    "critic's turns and accumulation": {},
    "lecam": {"discriminator": EXCHANGING},
    "ada": {"discriminator": EXCHANGING},
}
"""Games, and the players whose turns stay eager."""


def play(folder, case, backend):
    """Return what is left of a game of this rank, and what was captured."""
    config = config_of(case)
    torch.manual_seed(0)
    module, graphs = build(config.model), capture.CaptureTurns(folder)
    reports = []
    with patch.object(capture, "graph_backend", lambda device: backend):
        callbacks = [ImageBudget(BATCHES * BATCH), graphs, Reporting(graphs, reports)]
        data = Pictures(config, torch.float32)
        L.Trainer(**QUIET, **two_rank_trainer(), callbacks=callbacks).fit(module, datamodule=data)
    return state(module), module.read_terms(), reports


class Reporting(L.Callback):
    """Keeps what the graphs of a game report after its last batch."""

    def __init__(self, graphs, reports):
        self.graphs, self.reports = graphs, reports

    def on_train_batch_end(self, *_):
        self.reports[:] = [] if self.graphs.graphs is None else [self.graphs.graphs.report()]


def eager_and_graphed(rank, folder):
    return {case: (play(folder, case, None), play(folder, case, RecordedGraphs())) for case in CASES}


@pytest.fixture(scope="module")
def games(tmp_path_factory):
    for case in CASES:
        config_of(case)  # once, before there are two processes
    return on_two_ranks(eager_and_graphed, tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_with_graphs_play_the_eager_game_bit_for_bit(games, case):
    for rank in games:
        (eager, terms, _), (graphed, terms_of_graphs, (report,)) = rank[case]
        assert same(graphed, eager)
        assert terms_of_graphs == terms
        assert report == {"discriminator": "captured", "generator": "captured"} | CASES[case]


def exchanging(rank):
    """Return how many exchanges are counted in computations without and with some."""
    with Exchanges() as none:
        torch.ones(2, requires_grad=True).sum().backward()
    with Exchanges() as some:
        torch.distributed.all_reduce(torch.ones(2))
        torch.distributed.all_gather([torch.ones(2), torch.ones(2)], torch.ones(2))
    return none.count, some.count


def test_exchanges_are_counted_whoever_makes_them():
    assert on_two_ranks(exchanging) == [(0, 2), (0, 2)]


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("others", [[], ["normalization=batch", "trainer.sync_batchnorm=true"]])
def test_on_two_gpus_a_run_with_graphs_equals_an_eager_one(ganexp, here, others):
    settings = [*TINY, *others, "data.batch_size=16", "images=512", "trainer=ddp", "trainer.devices=2"]
    assert ganexp(*settings, "graphs.enabled=false", "run_dir=eager").status == 0
    assert ganexp(*settings, "run_dir=graphed").status == 0
    assert differences(last_checkpoint(here / "eager"), last_checkpoint(here / "graphed")) == []
    reports = json.loads((here / "graphed" / "summary.json").read_text())["graphs"]
    assert set(reports.values()) == {EXCHANGING if others else "captured"}
