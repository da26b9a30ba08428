"""Numerical settings: what is set where, put back, recorded and refused."""

import json
from dataclasses import asdict
from functools import partial

import pytest
import torch

from ganexp.callbacks.numerics import ChannelsLast, OptimizersLikeWeights
from ganexp.cli import main
from ganexp.config import checks
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.networks import dcgan
from ganexp.numerics.flags import (
    Numerics,
    apply_numerics,
    full_precision,
    numerics_of,
    operation_without_deterministic_form,
    restored_flags,
)
from ganexp.runs.checkpoint_diff import differences
from support.runs import TINY
from support.tiny import fit, make_gan


def switches():
    return {
        "conv": torch.backends.cudnn.allow_tf32,
        "matmul": torch.backends.cuda.matmul.allow_tf32,
        "cudnn": torch.backends.cudnn.deterministic,
        "benchmark": torch.backends.cudnn.benchmark,
        "all": torch.are_deterministic_algorithms_enabled(),
        "fill": torch.utils.deterministic.fill_uninitialized_memory,
    }


def test_a_gpus_defaults_are_exact_and_put_back():
    before = switches()
    with restored_flags():
        apply_numerics(Numerics(), "cuda")
        exact = {"conv": False, "matmul": False, "cudnn": True, "benchmark": False, "all": True, "fill": False}
        assert switches() == exact
        assert torch.get_float32_matmul_precision() == "highest"
    assert switches() == before


def test_tf32_and_speed_are_switched_on_by_name_and_off_for_scores(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    fastest = {"conv": True, "matmul": True, "cudnn": False, "benchmark": True, "all": False, "fill": False}
    with restored_flags():
        apply_numerics(Numerics(deterministic=False, tf32=True), "cuda", benchmark=True)
        assert switches() == fastest
        with full_precision(), torch.autocast("cpu", enabled=False):
            assert not switches()["conv"]
            assert not switches()["matmul"]
            assert switches()["cudnn"]
            assert switches()["all"]
        assert switches() == fastest


def test_a_processor_is_left_as_it_is():
    before = switches()
    apply_numerics(Numerics(tf32=True), "cpu")
    assert switches() == before


def test_autocast_is_off_in_full_precision():
    with torch.autocast("cpu", dtype=torch.bfloat16), full_precision():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


READ = {
    "as composed": ({"numerics": asdict(Numerics()), "trainer": {"deterministic": None}}, True),
    "the Trainer says no": ({"numerics": asdict(Numerics()), "trainer": {"deterministic": False}}, False),
    "the Trainer says yes": ({"numerics": {"deterministic": False}, "trainer": {"deterministic": True}}, True),
    "before there were settings": ({"trainer": {"deterministic": None, "benchmark": None}}, True),
    "before, and timed": ({"trainer": {"deterministic": None, "benchmark": True}}, False),
}


@pytest.mark.parametrize(("config", "expected"), READ.values(), ids=READ)
def test_the_trainers_argument_has_the_last_word(config, expected):
    assert numerics_of(config.get("numerics"), config["trainer"]).deterministic is expected


def test_deterministic_algorithms_are_not_chosen_by_timing():
    with pytest.raises(UserError, match=r"numerics\.deterministic=false as well"):
        checks.check_numerics({"deterministic": True}, {"deterministic": None, "benchmark": True})
    checks.check_numerics({"deterministic": False}, {"deterministic": None, "benchmark": True})


def test_the_operation_that_torch_refuses_is_named():
    index, values = torch.tensor([0]), torch.ones(1)
    with restored_flags():
        torch.use_deterministic_algorithms(True)
        with pytest.raises(RuntimeError) as refusal:
            torch.zeros(3).put_(index, values, accumulate=False)
    assert operation_without_deterministic_form(refusal.value) == "put_"
    assert operation_without_deterministic_form(RuntimeError("another")) is None


def test_a_users_operation_without_deterministic_form_ends_in_one_line(tmp_path, monkeypatch, capsys):
    from ganexp.losses import NonSaturating

    def generator(self, fake, real=None):
        return fake.mean() + torch.zeros(3).put_(torch.tensor([0]), torch.ones(1), accumulate=False).sum()

    monkeypatch.setattr(NonSaturating, "generator", generator)
    with restored_flags():
        assert main.main([*TINY, f"run_dir={tmp_path / 'run'}", "trainer.deterministic=true"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("ganexp: put_ has no deterministic form: numerics.deterministic=false")


def test_the_summary_says_how_a_run_computed(tmp_path):
    assert main.main([*TINY, f"run_dir={tmp_path / 'run'}", "images=64"]) == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["numerics"] == {
        "deterministic": True,
        "tf32": False,
        "channels_last": False,
        "matmul_precision": "highest",
        "precision": "32-true",
    }


def test_channels_last_changes_the_memory_format_and_nothing_but_rounding():
    plain, converted = (make_gan(networks=dcgan) for _ in range(2))
    fit(plain, 3)
    fit(converted, 3, [ChannelsLast()])
    weights = [w for w in converted.generator.parameters() if w.dim() == 4 and min(w.shape) > 1]
    assert weights
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
    for one, other in zip(plain.state_dict().values(), converted.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("before", "after"), [([], [ChannelsLast()]), ([ChannelsLast()], [])], ids=["to", "from"])
def test_a_resumed_run_may_change_the_memory_format(tmp_path, before, after):
    fused = partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.999), fused=True)
    game = partial(make_gan, networks=dcgan, optimizer=fused, ema=ExponentialMovingAverage)
    uninterrupted, stopped, resumed = game(), game(), game()
    fit(uninterrupted, 6)
    fit(stopped, 3, before).save_checkpoint(tmp_path / "last.ckpt")
    trainer = fit(resumed, 6, [*after, OptimizersLikeWeights()], ckpt_path=tmp_path / "last.ckpt")
    for one, other in zip(uninterrupted.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    states = [(w, state["exp_avg"]) for optimizer in trainer.optimizers for w, state in optimizer.state.items()]
    assert len(states) == len([p for player in resumed.players() for p in player.network.parameters()])
    assert all(state.stride() == weight.stride() for weight, state in states)


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["dcgan", "r3gan", "cyclegan"])
def test_two_runs_on_a_gpu_are_equal_bit_for_bit(tmp_path, model):
    from config.test_configs import tiny, train

    with restored_flags():
        apply_numerics(Numerics(), "cuda")
        one, two = (train(tiny(model), 2, "cuda").state_dict() for _ in range(2))
    assert not differences(one, two)


@pytest.mark.gpu
def test_a_resumed_run_on_a_gpu_is_equal_to_one_never_stopped(tmp_path, capsys):
    run = tmp_path / "run"
    more = ["trainer=gpu", "metric=none", "images=256", "data.batch_size=64", f"run_dir={run}"]
    assert main.main(["model=dcgan", "data=digits", *more]) == 0
    assert main.main(["verify", f"run={run}", "ranks=1"]) == 0
    assert "bit for bit, with numerics.deterministic=true" in capsys.readouterr().out
