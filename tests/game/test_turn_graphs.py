"""Turns as graphs, on a processor: recorded operations are replayed in the place of CUDA graphs."""

import json
import logging
import random
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from config.test_configs import GROUPS
from ganexp.game.turn_graphs import MOST_GRAPHS, MOST_MOVES, WARM_UP, TurnGraphs
from ganexp.losses import NonSaturating
from ganexp.numerics.cuda_graphs import CUDAGraphs
from ganexp.numerics.flags import Numerics, apply_numerics, restored_flags
from ganexp.penalties.base import Penalty
from ganexp.runs.checkpoint_diff import differences
from ganexp.training import capture
from ganexp.variants.gan import GAN
from support.games import Trainer, batch_of, built, tiny_with
from support.parts import thinned
from support.recorded_graph import RecordedGraphs
from support.runs import TINY, last_checkpoint, rows
from support.tiny import same, state

SMALL = "dcgan_small"
BATCHES = [*TINY, "data.batch_size=16", "schedule=constant"]
"""A run of sixteen batches, whose learning rates do not depend on its length."""
HOOKED = "+callbacks.hooked._target_=support.recorded_graph.Hooked"
COLOUR = {"data.channels": 3, "data.image_size": 16}


def changing(batch, number, device="cpu"):
    """Return a batch of other images and labels for each number."""
    batch = {name: value.to(device) for name, value in batch.items()}
    return {
        name: value.roll(number, 0) * (1 - number / 100) if value.is_floating_point() else value.roll(number, 0)
        for name, value in batch.items()
    }


def play(game, batches, config, backend=None, first=0, **graphs):
    """Return the loss terms of some batches; with a backend gradients are computed by graphs."""
    game._trainer = Trainer(game) if game._trainer is None else game._trainer
    if backend is not None and game.gradient_pass is None:
        game.gradient_pass = TurnGraphs(game, backend, **graphs)
    terms = []
    for number in range(first, first + batches):
        game.training_step(changing(batch_of(config), number, game.device), 0)
        terms.append(game.read_terms())
    return terms


def require_equal(config, batches, captures=None, change=lambda game: None, **graphs):
    """Require that a game with graphs equals the eager one bit for bit, and return it with its backend."""
    eager, graphed, backend = built(config), built(config), RecordedGraphs()
    change(eager)
    change(graphed)
    expected = play(eager, batches, config)
    assert play(graphed, batches, config, backend, **graphs) == expected
    assert same(state(graphed), state(eager))
    assert all(torch.equal(graphed.watched[name], logits) for name, logits in eager.watched.items())
    assert captures is None or backend.captures == captures
    return graphed, backend


def reasons(game):
    return game.gradient_pass.reasons


LARGE = (
    "biggan",
    "biggan_deep",
    "contragan",
    "reacgan",
    "sagan",
    "cut",
    "cyclegan",
    "dcgan_tutorial",
    "sngan_projection",
)


@pytest.mark.parametrize("model", thinned(GROUPS["model"], 3, slow=LARGE))
@pytest.mark.thinned(2)
def test_every_models_turns_are_captured_and_equal_eager_ones_bit_for_bit(model):
    players = len(built(tiny_with(model, {})).players())
    # A pool of images must be full first.
    settings, batches = ({"model.pool": 8}, 8) if model == "cyclegan" else ({}, 6)
    game, backend = require_equal(tiny_with(model, settings), batches, captures=players)
    assert reasons(game) == {}
    assert backend.replays >= players


CASES = {
    "ada": (COLOUR, {"augmentation": "ada"}),
    "diffaugment": (COLOUR, {"augmentation": "diffaugment"}),
    "relativistic": ({}, {"loss": "relativistic"}),
    "lecam, accumulation and clipping": ({"model.accumulate": 2, "model.gradient_clip": 0.1}, {"penalty": "lecam"}),
    "power iterations in every forward pass, and accumulation": (
        {"model.power_iteration": "every_forward", "model.accumulate": 2},
        {"normalization": "spectral", "penalty": "gradient_penalty"},
    ),
    "a larger batch of fakes": ({"model.generator_batch_multiplier": 3}, {"loss": "relativistic"}),
}
SWEPT = [
    (group, option)
    for group in ("penalty", "loss", "normalization", "optimizer")
    for option in GROUPS[group]
    if option != "instance"  # it needs maps of more than a pixel
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.thinned(2)
def test_what_an_option_draws_or_remembers_is_followed_by_the_graph(case):
    settings, groups = CASES[case]
    game, _ = require_equal(tiny_with(SMALL, settings, **groups), 7, captures=2)
    assert reasons(game) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("group", "option"), SWEPT)
def test_every_option_is_captured(group, option):
    game, _ = require_equal(tiny_with(SMALL, {}, **{group: option}), 7, captures=2)
    assert reasons(game) == {}


def test_there_is_a_graph_for_each_combination_of_due_penalties():
    config = tiny_with(SMALL, {"penalty.r1.every": 2}, penalty="r1")
    game, backend = require_equal(config, 12, captures=3)
    assert reasons(game) == {}
    assert backend.replays > 9


@pytest.mark.slow
def test_a_scheduled_weight_is_followed_by_the_graph():
    config = tiny_with("r3gan", {"model.images": 20})
    game, _ = require_equal(config, 10, captures=2)
    assert reasons(game) == {}
    assert game.progress() == 1


def test_batches_of_another_shape_have_graphs_of_their_own():
    config = tiny_with(SMALL, {})
    eager, graphed, backend = built(config), built(config), RecordedGraphs()
    for game, graphs in ((eager, None), (graphed, backend)):
        play(game, 5, config, graphs)
        half = {name: value[:2] for name, value in batch_of(config).items()}
        game.training_step(half, 0)
        play(game, 3, config, graphs, first=5)
    assert backend.captures == 2
    assert same(state(graphed), state(eager))


def test_the_first_turns_are_eager_and_no_turn_is_lost():
    config = tiny_with(SMALL, {})
    game, backend = built(config), RecordedGraphs()
    play(game, WARM_UP, config, backend, check=False)
    assert (backend.captures, backend.replays, game.batches_seen) == (0, 0, WARM_UP)
    play(game, 4, config, backend, first=WARM_UP)
    assert (backend.captures, backend.replays) == (2, 8)


def test_a_game_goes_on_from_its_state_with_or_without_graphs():
    config = tiny_with("cyclegan", {"model.pool": 3})
    whole, split, again = built(config), built(config), built(config)
    play(whole, 12, config)
    play(split, 7, config, RecordedGraphs())
    again._trainer = Trainer(again)
    again.load_state_dict(split.state_dict())
    for one, other in zip(again.trainer.optimizers, split.trainer.optimizers, strict=True):
        one.load_state_dict(other.state_dict())
    again.batches_seen, again.images_seen = split.batches_seen, split.images_seen
    backend = RecordedGraphs()
    play(again, 5, config, backend, first=7)
    assert same(state(again), state(whole))


class ReadsProgress(Penalty):
    def value(self, turn):
        return turn.real_logits.float().mean() * turn.progress


class ReadsBatches(NonSaturating):
    def __init__(self, game):
        super().__init__()
        self.game = (game,)

    def discriminator(self, real, fake):
        return super().discriminator(real, fake) * (1 + self.game[0].batches_seen)


class ReadsBack(NonSaturating):
    def discriminator(self, real, fake):
        loss = super().discriminator(real, fake)
        return loss * 2 if loss.item() > 1 else loss


class ReadsBackInCapture(NonSaturating):
    def discriminator(self, real, fake):
        loss = super().discriminator(real, fake)
        if torch.cuda.is_current_stream_capturing():
            loss.item()
        return loss


class Counting(nn.Module):
    """A layer that counts its calls."""

    def __init__(self, count):
        super().__init__()
        self.count, self.calls = count, 0

    def forward(self, images):
        self.calls += 1
        return images * self.count(self)


def with_loss(loss):
    def change(game):
        game.adversary.loss = loss(game)

    return change


def with_layer(count):
    def change(game):
        game.discriminator = nn.Sequential(Counting(count), game.discriminator)

    return change


def with_penalty(game):
    game.adversary.penalties["own"] = ReadsProgress(1.0)


def with_hook(game):
    game.discriminator.register_forward_hook(lambda *_: None)


REFUSED = {
    "its loss reads the number of images seen": with_penalty,
    "its loss reads the number of batches seen": with_loss(ReadsBatches),
    "the host waits for the device": with_loss(lambda game: ReadsBack()),
    "it changes the attribute calls of Counting": with_layer(lambda layer: layer.calls),
    "it changes Python's random state": with_layer(lambda layer: random.random()),
    "it changes NumPy's random state": with_layer(lambda layer: float(np.random.rand())),
    "has hooks": with_hook,
}


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.thinned(2)
def test_a_turn_that_a_graph_would_not_repeat_stays_eager_and_one_line_says_why(reason, caplog):
    with caplog.at_level(logging.INFO, "ganexp"):
        game, _ = require_equal(tiny_with(SMALL, {}), 8, change=REFUSED[reason])
    assert reason in reasons(game)["discriminator"]
    lines = [record.getMessage() for record in caplog.records if "graphs: the discriminator" in record.getMessage()]
    assert lines == [
        f"graphs: the discriminator's turns are not captured in CUDA graphs: {reasons(game)['discriminator']}"
    ]


class Wrong(RecordedGraphs):
    """Replays another computation than it was asked for, from some replay on."""

    def __init__(self, game, first):
        super().__init__()
        self.game, self.first = game, first

    def capture(self, work, generators):
        replay = super().capture(work, generators)
        *_, gradient = (parameter.grad for parameter in self.game.parameters() if parameter.grad is not None)

        def wrong():
            replay()
            if self.replays >= self.first:
                gradient.add_(1)

        return wrong


@pytest.mark.parametrize("first", [1, 3])
def test_a_replay_that_differs_is_found_and_the_eager_turn_counts(first):
    config = tiny_with(SMALL, {})
    eager, graphed = built(config), built(config)
    play(eager, 8, config)
    play(graphed, 8, config, Wrong(graphed, first))
    assert same(state(graphed), state(eager))
    assert "a replayed turn differs from an eager one" in reasons(graphed)["discriminator"]


class Failing(RecordedGraphs):
    """Fails at one of its captures, in the middle of the turn's work."""

    def __init__(self, at, error):
        super().__init__()
        self.at, self.error = at, error

    def capture(self, work, generators):
        if self.captures + 1 < self.at:
            return super().capture(work, generators)
        torch.rand(3)
        work()
        raise self.error("operation not permitted when stream is capturing\nFor debugging, and so on")


@pytest.mark.parametrize(("at", "error"), [(1, RuntimeError), (2, RuntimeError), (2, AttributeError)])
def test_after_a_capture_that_fails_the_game_is_as_it_was_and_no_graph_is_replayed(at, error):
    config = tiny_with("cgan", {})
    eager, graphed, backend = built(config), built(config), Failing(at, error)
    expected = play(eager, 8, config)
    assert play(graphed, 8, config, backend) == expected
    assert same(state(graphed), state(eager))
    assert backend.recovered == 1
    assert graphed.gradient_pass.captured == {}
    player = ("discriminator", "generator")[at - 1]
    reason = f"the {player}'s turn cannot be captured: operation not permitted when stream is capturing"
    assert reasons(graphed) == {"discriminator": reason, "generator": reason}


class Unplayable(RecordedGraphs):
    """Captures turns, but fails in the middle of a replay."""

    def capture(self, work, generators):
        replay = super().capture(work, generators)

        def failing():
            replay()
            raise RuntimeError("an illegal instruction was encountered")

        return failing


def test_after_a_replay_that_fails_the_eager_turn_counts_and_no_graph_is_replayed():
    config = tiny_with("cgan", {})
    eager, graphed = built(config), built(config)
    expected = play(eager, 6, config)
    assert play(graphed, 6, config, Unplayable()) == expected
    assert same(state(graphed), state(eager))
    assert graphed.gradient_pass.captured == {}
    assert "cannot be replayed: an illegal instruction" in reasons(graphed)["generator"]


def test_a_gpu_without_graphs_trains_eagerly_and_one_line_says_so(ganexp, here, monkeypatch):
    def none(device):
        raise RuntimeError("graphs are not supported")

    monkeypatch.setattr(capture, "graph_backend", none)
    assert ganexp(*TINY, "run_dir=run").status == 0
    assert "the GPU offers none: graphs are not supported" in (here / "run" / "log.txt").read_text()


def test_without_memory_for_the_check_the_game_continues_without_graphs(monkeypatch):
    config = tiny_with("cgan", {})
    eager, graphed = built(config), built(config)
    expected = play(eager, 6, config)
    terms = play(graphed, 2, config, RecordedGraphs())
    graphs = graphed.gradient_pass
    run_eagerly = graphs.run_eagerly
    failed, captured = [], []

    def without_memory(*arguments):
        # Neither a turn that failed nor a graph keeps its memory from the next.
        assert all(activations() is None for activations in failed)
        assert not any(hasattr(turn, "replay_graph") for turn in captured)
        activations = torch.zeros(1)
        run_eagerly(*arguments)
        if graphs.captured:
            captured.extend(graphs.captured.values())
            failed.append(weakref.ref(activations))
            raise torch.cuda.OutOfMemoryError("out of memory")

    monkeypatch.setattr(graphs, "run_eagerly", without_memory)
    assert terms + play(graphed, 4, config, first=2) == expected
    assert failed
    assert same(state(graphed), state(eager))
    assert "the memory does not suffice" in reasons(graphed)["generator"]


def move(game):
    for parameter in game.discriminator.parameters():
        parameter.data = parameter.data.clone()


@pytest.mark.parametrize("moves", [1, MOST_MOVES + 1])
def test_turns_are_captured_anew_when_weights_have_moved_but_not_for_ever(moves):
    config = tiny_with(SMALL, {})
    eager, graphed, backend = built(config), built(config), RecordedGraphs()
    for game, graphs in ((eager, None), (graphed, backend)):
        play(game, 4, config, graphs)
        for number in range(moves):
            move(game)
            play(game, 1, config, graphs, first=4 + number)
    assert same(state(graphed), state(eager))
    assert backend.captures == 2 * (1 + min(moves, MOST_MOVES))
    given_up = "weights or buffers move in memory again and again"
    assert set(reasons(graphed).values()) == ({given_up} if moves > MOST_MOVES else set())


def test_a_turn_in_another_mode_is_eager_and_the_graph_is_there_for_the_next():
    config = tiny_with("cgan", {})
    eager, graphed, backend = built(config), built(config), RecordedGraphs()
    for game, graphs in ((eager, None), (graphed, backend)):
        play(game, 4, config, graphs)
        game.discriminator.eval()
        play(game, 1, config, graphs, first=4)
        game.discriminator.train()
        play(game, 2, config, graphs, first=5)
    assert same(state(graphed), state(eager))
    assert (backend.captures, reasons(graphed)) == (2, {})


class Slowly(NonSaturating):
    """Multiplies the loss by a number of the host that changes in the seventh turn of a player."""

    def __init__(self, game):
        super().__init__()
        self.game = (game,)

    def discriminator(self, real, fake):
        return super().discriminator(real, fake) * (1 + (self.game[0].trainer.batches >= 6))


def test_a_number_of_the_host_that_changes_late_is_found_at_a_later_check():
    config = tiny_with(SMALL, {})
    graphed, backend = built(config), RecordedGraphs()
    with_loss(Slowly)(graphed)
    graphed._trainer = Trainer(graphed)
    for number in range(12):
        graphed.trainer.batches = number
        play(graphed, 1, config, backend, first=number)
    assert "a replayed turn differs from an eager one" in reasons(graphed)["discriminator"]


def test_closing_leaves_a_game_as_without_graphs():
    config = tiny_with("cyclegan", {"model.pool": 8})
    eager, graphed = built(config), built(config)
    play(eager, 6, config)
    play(graphed, 4, config, RecordedGraphs())
    graphed.gradient_pass.close()
    assert graphed.gradient_pass is None
    play(graphed, 2, config, first=4)
    assert same(state(graphed), state(eager))


class HandingOver(GAN):
    """Keeps its fakes as an attribute, where a replay does not put them."""

    def generator_loss(self, batch):
        terms = super().generator_loss(batch)
        self.kept = terms["adversarial"].detach()
        return terms


def test_tensors_that_a_game_keeps_as_attributes_keep_its_turns_eager():
    config = tiny_with("gan", {})
    eager, graphed = built(config), built(config)
    for game in (eager, graphed):
        game.__class__ = HandingOver
    play(eager, 6, config)
    play(graphed, 6, config, RecordedGraphs())
    assert same(state(graphed), state(eager))
    assert reasons(graphed) == {
        "generator": "it changes the attribute kept of HandingOver, which a graph would not repeat"
    }


@pytest.mark.slow
def test_there_are_not_more_graphs_than_memory_should_hold():
    config = tiny_with(SMALL, {})
    game, backend = built(config), RecordedGraphs()
    play(game, 1, config, backend, check=False)
    for size in range(1, MOST_GRAPHS + 3):
        batch = {name: value[:1].expand(size + 1, *value.shape[1:]) for name, value in batch_of(config).items()}
        for _ in range(WARM_UP + 1):
            game.training_step(batch, 0)
    assert backend.captures == 2 * MOST_GRAPHS
    assert set(reasons(game).values()) == {f"there are {MOST_GRAPHS} graphs of its turns already"}


@pytest.mark.slow
def test_a_run_with_graphs_equals_one_without_and_so_does_a_resumed_one(ganexp, here, monkeypatch):
    monkeypatch.setattr(capture, "graph_backend", lambda device: RecordedGraphs())
    assert ganexp(*BATCHES, "graphs.enabled=false", "run_dir=eager").status == 0
    assert ganexp(*BATCHES, "run_dir=graphed").status == 0
    assert ganexp(*BATCHES, "images=128", "run_dir=resumed").status == 0
    assert ganexp("resume=resumed", "images=256").status == 0
    for run in ("graphed", "resumed"):
        assert differences(last_checkpoint(here / "eager"), last_checkpoint(here / run)) == []
        assert rows(here / "eager") == rows(here / run)
        recorded = json.loads((here / run / "summary.json").read_text())["graphs"]
        assert recorded == {"discriminator": "captured", "generator": "captured"}
    assert "graphs" not in json.loads((here / "eager" / "summary.json").read_text())


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("trainer.detect_anomaly=true", "trainer.detect_anomaly=true"),
        (HOOKED, "Hooked.on_after_backward is called"),
    ],
)
@pytest.mark.thinned(2)
def test_a_trainer_that_looks_at_each_backward_pass_keeps_its_turns_eager(ganexp, here, monkeypatch, override, reason):
    backend = RecordedGraphs()
    monkeypatch.setattr(capture, "graph_backend", lambda device: backend)
    assert ganexp(*TINY, override, "run_dir=run").status == 0
    assert backend.captures == 0
    assert f"graphs: turns are not captured in CUDA graphs: {reason}" in (here / "run" / "log.txt").read_text()


@pytest.mark.gpu
@pytest.mark.parametrize("case", [*GROUPS["model"], *CASES])
def test_on_a_gpu_turns_are_captured_and_equal_eager_ones_bit_for_bit(case):
    settings, groups = CASES.get(case, ({"model.pool": 8} if case == "cyclegan" else {}, {}))
    config = tiny_with(SMALL if case in CASES else case, settings, **groups)
    with restored_flags():
        apply_numerics(Numerics(), "cuda")
        eager, graphed = built(config).cuda(), built(config).cuda()
        expected = play(eager, 30, config)
        assert play(graphed, 30, config, CUDAGraphs(graphed.device)) == expected
        assert same(state(graphed), state(eager))
    assert reasons(graphed) == {}


@pytest.mark.gpu
def test_on_a_gpu_a_resumed_run_with_graphs_equals_an_uninterrupted_eager_one(ganexp, here):
    assert ganexp(*BATCHES, "trainer=gpu", "images=512", "graphs.enabled=false", "run_dir=eager").status == 0
    assert ganexp(*BATCHES, "trainer=gpu", "run_dir=graphed").status == 0
    assert ganexp("resume=graphed", "images=512").status == 0
    assert differences(last_checkpoint(here / "eager"), last_checkpoint(here / "graphed")) == []


@pytest.mark.gpu
def test_on_a_gpu_a_capture_that_cuda_refuses_leaves_the_game_as_it_was():
    config = tiny_with("cgan", {})
    with restored_flags():
        apply_numerics(Numerics(), "cuda")
        eager, graphed = built(config).cuda(), built(config).cuda()
        with_loss(lambda game: ReadsBackInCapture())(graphed)
        expected = play(eager, 8, config)
        assert play(graphed, 8, config, CUDAGraphs(graphed.device)) == expected
    assert set(reasons(graphed)) == {"discriminator", "generator"}
