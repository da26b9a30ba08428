"""The speed benchmark for GPUs: turns, budget, arguments and table, and its bare loops beside ganexp's own game."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.numerics.randomness import generator
from support.stand_in_trainer import StandInTrainer

# Behind the tests' own folders, as gpu is a package there and a script here.
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import bare_loops
import gpu_games
import gpu_workers
from gpu_games import GAMES, WAYS, Game, chosen_games
from gpu_workers import Task, Worker, WorkerError
from interleaved import Budget, block_sizes, middle, take_turns
from speed_table import Row, table

SCRIPT = Path(bare_loops.__file__).with_name("gpu.py")
SMALL = ["data=cifar10", "data.batch_size=4", "run_dir=unused"]
WIDTHS = ["model.generator.width=8", "model.discriminator.width=8"]


class Clock:
    """A clock that only passes when told."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time

    def run(self, seconds):
        self.time += seconds
        return seconds


def benchmark(*arguments, **variables):
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


def test_blocks_take_turns_in_an_order_that_alternates():
    order = []

    def run(name, size):
        order.append((name, size))
        return 2.0

    times = take_turns(run, {"a": 4, "b": 8}, 3, Budget(60, Clock()))
    assert order == [("a", 4), ("b", 8), ("b", 8), ("a", 4), ("a", 4), ("b", 8)]
    assert times == {"a": [0.5] * 3, "b": [0.25] * 3}


def test_one_that_fails_gets_no_further_turn_and_the_others_go_on():
    answers = {"a": iter([1.0, None]), "b": iter([1.0, 2.0, 3.0])}
    times = take_turns(lambda name, size: next(answers[name]), {"a": 1, "b": 1}, 3, Budget(60, Clock()))
    assert times == {"a": [1.0], "b": [1.0, 2.0, 3.0]}


def test_no_round_begins_that_the_budget_would_not_let_end():
    clock = Clock()
    budget = Budget(25, clock)
    times = take_turns(lambda name, size: clock.run(5.0), {"a": 1, "b": 1}, 7, budget)
    assert times == {"a": [5.0, 5.0], "b": [5.0, 5.0]}
    assert budget.left() == 5
    clock.run(9)
    assert budget.left() == 0


def test_blocks_are_whole_cycles_of_about_the_same_time():
    assert block_sizes({"fast": 0.01, "slow": 3.0}, 5, 0.4) == {"fast": 200, "slow": 5}


def test_the_middle_is_the_median():
    assert middle([5.0, 1.0, 2.0]) == 2.0
    assert middle([]) is None


def test_the_table_has_speed_memory_latency_and_reasons():
    rows = [
        Row("dcgan 32, 128", "ganexp eager", 128, 0.004, 0.003, 0.005, 1234.4, 2000.0, 1.234),
        Row("dcgan 32, 128", "ganexp graphs", 128, note="no | luck"),
        Row("dcgan 32, 128", "bare eager", 128, 0.002, 0.002, 0.002, None, None, 0.5),
    ]
    lines = table(rows).splitlines()
    assert lines[2] == (
        "| dcgan 32, 128 | ganexp eager | 32,000 | 4.00 | 3.00 to 5.00 | 0.50 x | 1,234 | 2,000 | 1.23 |  |"
    )
    assert lines[3] == "| dcgan 32, 128 | ganexp graphs |  |  |  |  |  |  |  | no \\| luck |"
    assert lines[4].startswith("| dcgan 32, 128 | bare eager | 64,000 | 2.00 | 2.00 to 2.00 | 1.00 x |  |  | 0.50 |")
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_games_are_named_by_model_size_and_batch_size():
    assert chosen_games("dcgan-64-128,r3gan,biggan-128") == (
        Game("dcgan", 64, 128), Game("r3gan", 32, 64), Game("biggan", 128, 64)
    )  # fmt: skip
    everything = chosen_games("all")
    assert [game.model for game in everything] == composition.groups(composition.conf_dir())["model"]
    assert {game.model for game in GAMES} <= {game.model for game in everything}
    for wrong in ("dcgam", "dcgan-big", "dcgan-32-64-1"):
        with pytest.raises(ValueError, match=f"^{wrong}: not MODEL"):
            chosen_games(wrong)


@pytest.mark.parametrize("game", chosen_games("dcgan-64-128,cyclegan"), ids=str)
def test_tasks_compose_and_only_ganexps_own_loop_is_given_settings_of_graphs(game):
    tasks = {way.name: gpu_games.task(game, way, "cuda", ["graphs.check=false", "seed=3"]) for way in WAYS}
    config = composition.compose("train", [*tasks["ganexp graphs, bf16, channels_last"].overrides, "run_dir=unused"])
    assert (config.data.image_size, config.data.batch_size, config.seed) == (game.size, game.batch_size, 3)
    assert (config.trainer.precision, config.numerics.channels_last) == ("bf16-mixed", True)
    assert {name: task.graphs for name, task in tasks.items()} == {
        "ganexp eager": {"enabled": "false", "check": "false"},
        "ganexp graphs": {"enabled": "true", "check": "false"},
        "ganexp graphs, bf16, channels_last": {"enabled": "true", "check": "false"},
        "bare eager": {},
        "bare graphs": {},
    }
    assert all(Task(**json.loads(task.text())) == task for task in tasks.values())


def test_a_cycle_has_a_turn_of_the_generator_and_all_lazy_penalties(monkeypatch):
    assert gpu_games.cycle(Game("wgan_gp")) == 5
    assert gpu_games.cycle(Game("pix2pix")) == 1
    lazy = {"model": {"critic_steps": 2}, "penalty": {"r1": {"every": 16}, "lecam": {"every": 3}, "left_out": None}}
    monkeypatch.setattr(gpu_games, "composed", lambda model: lazy)
    assert gpu_games.cycle(Game("any")) == 48


def test_graphs_are_only_asked_of_a_version_that_has_them():
    from gpu_worker import graph_overrides

    assert graph_overrides({"graphs": {"enabled": False}}, {"enabled": "true"}) == ["graphs.enabled=true"]
    assert graph_overrides({}, {"enabled": "false", "check": "true"}) == []
    assert graph_overrides({}, {"enabled": "true"}) is None


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_that_nothing_was_measured():
    ended = benchmark()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "gpu.py: nothing was measured: torch finds no GPU here\n"


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("device=tpu", "device=tpu: no such option"),
        ("quick", "quick: no such option"),
        ("rounds=many", "seconds and rounds are numbers"),
        ("seconds=0", "both must be above 0"),
        ("games=dcgam", "games=dcgam: not MODEL"),
    ],
)
def test_arguments_that_make_no_sense_are_named(argument, complaint):
    ended = benchmark(argument)
    assert ended.returncode == 1
    assert complaint in ended.stderr.splitlines()[0]


def test_missing_packages_are_named_with_the_command_that_installs_them(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *a: None if name in ('hydra', 'omegaconf') else find(name, *a)\n"
    )
    ended = benchmark("device=cpu", PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert ended.returncode == 1
    assert ended.stdout == "gpu.py: needs hydra-core and omegaconf: pip install hydra-core omegaconf\n"


def answering(monkeypatch, folder, code):
    """A worker that runs this code instead."""
    script = folder / "worker.py"
    script.write_text(f"import json, sys, time\n{code}")
    monkeypatch.setattr(gpu_workers, "WORKER", script)


def test_a_worker_answers_commands_with_what_it_measured(tmp_path, monkeypatch):
    answers = [{"ready": True}, {"first_batch": 2.5}, {"seconds": 0.5}, {"peak_mib": 9.0}]
    code = f"for answer in {answers}:\n    print(json.dumps(answer), flush=True)\n    print(input(), file=sys.stderr)"
    answering(monkeypatch, tmp_path, code)
    worker = Worker(Task("ganexp", [], {}), tmp_path / "log", os.environ, Budget(60))
    worker.wait_until_ready()
    assert (worker.first_batch(), worker.run(7), worker.stop()) == (2.5, 0.5, {"peak_mib": 9.0})
    worker.end()
    assert (tmp_path / "log").read_text().split("\n")[:2] == ["start", "run 7"]


@pytest.mark.parametrize(
    ("code", "seconds", "reason"),
    [
        ("raise SystemExit('out of luck')", 60, "out of luck"),
        ("print(json.dumps({'error': 'no such loop'}))", 60, "no such loop"),
        ("sys.exit(3)", 60, "ended with status 3"),
        ("time.sleep(60)", 0.2, "out of time"),
    ],
)
def test_a_worker_that_fails_or_is_late_has_a_reason_and_ends(tmp_path, monkeypatch, code, seconds, reason):
    answering(monkeypatch, tmp_path, code)
    worker = Worker(Task("ganexp", [], {}), tmp_path / "log", os.environ, Budget(seconds))
    with pytest.raises(WorkerError, match=f"^{reason}$"):
        worker.wait_until_ready()
    worker.end()
    assert worker.process.returncode is not None


def game_of(*settings):
    """A game in float64, on the processor."""
    config = composition.compose("train", [*settings, *SMALL])
    torch.manual_seed(0)
    game = build(config.model).double()
    game._trainer = StandInTrainer(game)
    return game


def drawn(game, number, purpose, n, sample):
    """Rows that depend on the purpose and the number of the batch alone, floats in float64."""
    values = sample(n, generator(game.seed, purpose, number, game.device))
    return values.double() if values.is_floating_point() else values


def batches(count):
    rng = torch.Generator().manual_seed(1)
    shape = 4, 3, 32, 32
    for _ in range(count):
        yield torch.rand(shape, generator=rng, dtype=torch.float64) * 2 - 1, torch.randint(10, (4,), generator=rng)


def weights(players):
    return [*players.generator.parameters(), *players.discriminator.parameters()]


@pytest.mark.parametrize(
    "settings",
    [
        ["model=dcgan", *WIDTHS],
        ["model=dcgan", *WIDTHS, "loss=relativistic", "normalization=none", "penalty=[r1,r2]", "penalty.r1.every=2"],
        ["model=wgan_gp", *WIDTHS, "model.critic_steps=2"],
        ["model=wgan", *WIDTHS, "model.critic_steps=2"],
        ["model=cdcgan", "model.generator.network.width=8", "model.discriminator.network.width=8"],
        ["model=acgan", "model.generator.network.width=8", "model.discriminator.width=8"],
    ],
    ids=["dcgan", "relativistic with lazy penalties", "wgan_gp", "wgan", "cdcgan", "acgan"],
)
def test_the_bare_loop_trains_to_the_same_weights_as_ganexp(settings):
    game = game_of(*settings)
    bare = bare_loops.BareGame(game, lambda *arguments: drawn(game, loop.seen, *arguments))
    loop = bare_loops.EagerLoop(bare, batches(4))
    game.draw = lambda *arguments: drawn(game, game.batches_seen, *arguments)
    before = [parameter.clone() for parameter in weights(game)]
    for image, label in batches(4):
        game.training_step({"image": image, "label": label}, 0)
        loop.step()
    changed = [not torch.equal(old, new) for old, new in zip(before, weights(game), strict=True)]
    assert sum(changed) > len(changed) / 2
    torch.testing.assert_close(weights(bare), weights(game), rtol=1e-6, atol=1e-9)


@pytest.mark.gpu
def test_replayed_graphs_train_to_the_same_weights_as_the_eager_loop():
    game = game_of("model=wgan_gp", *WIDTHS, "model.critic_steps=2").cuda()
    fixed = {}

    def draw(purpose, n, sample):
        if purpose not in fixed:
            fixed[purpose] = drawn(game, 0, purpose, n, sample)
        return fixed[purpose]

    loops = []
    for kind in (bare_loops.EagerLoop, bare_loops.GraphedLoop):
        on_gpu = ((image.cuda(), label.cuda()) for image, label in batches(20))
        loops.append(kind(bare_loops.BareGame(game, draw), on_gpu))
        for _ in range(20):
            loops[-1].step()
    eager, graphed = loops
    assert len(graphed.graphs) == 2
    torch.testing.assert_close(weights(graphed.game), weights(eager.game), rtol=1e-6, atol=1e-9)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_a_processor_ganexp_and_the_bare_loop_are_timed_and_graphs_have_a_reason(tmp_path):
    ended = benchmark("device=cpu", "games=gan-32-8", "rounds=2", "seconds=800", f"out={tmp_path / 'table.md'}")
    assert ended.returncode == 0, ended.stderr
    lines = (tmp_path / "table.md").read_text().splitlines()
    cells = {line.split(" | ")[1]: line.split(" | ") for line in lines[2 : 2 + len(WAYS)]}
    for name in ("ganexp eager", "bare eager"):
        assert float(cells[name][3]) > 0
        assert float(cells[name][8]) > 0
    assert cells["bare graphs"][2] == ""
    assert len(cells["bare graphs"][-1]) > 5
    assert lines[-1].startswith("processor, Python ")
    assert "\n".join(lines) in ended.stdout
