"""Checkpoints with values changed at random: whatever the checks let pass, weights and optimizers can work with."""

import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.files.saved_values import naming_checkpoint
from ganexp.runs.checkpoint import load_weights
from ganexp.runs.run import saved_run
from ganexp.training.optimizer_state import require_optimizer_states
from support.mutations import mutated

RUN = Path(__file__).parents[1] / "fixtures" / "runs" / "dcgan_small"
CONTENTS = torch.load(RUN / "checkpoints" / "last.ckpt", weights_only=True)


@pytest.fixture(scope="module")
def run():
    composition.register_resolvers()
    return saved_run(RUN, groups=())


@pytest.fixture(scope="module")
def module(run):
    return build(run.config.model)


def train_a_step(module, contents):
    """Let the optimizers take a step from the checkpoint's state, fused as in training."""
    for optimizer, state in zip(module.configure_optimizers(), contents["optimizer_states"], strict=True):
        optimizer.load_state_dict(state)
        for group in optimizer.param_groups:
            for weight in group["params"]:
                weight.grad = torch.zeros_like(weight)
        optimizer.step()


@settings(max_examples=40, deadline=None, derandomize=True, database=None, print_blob=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(changed=mutated(CONTENTS))
def test_a_changed_checkpoint_is_refused_or_trains_a_step(run, module, tmp_path, changed):
    path = tmp_path / "last.ckpt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(changed.value, path)
    refusal = ""
    try:
        loaded = load_weights(module, run.starting_from(path))
        with naming_checkpoint(path):
            require_optimizer_states(module.configure_optimizers(), loaded.get("optimizer_states"))
    except UserError as error:
        refusal = str(error)
    else:
        module.on_load_checkpoint(loaded)
        train_a_step(module, loaded)
    assert refusal.startswith(str(path)) or not refusal
    assert "\n" not in refusal
    assert len(refusal) < 1000
