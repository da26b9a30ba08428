"""Configurations and checkpoints changed at random: a command works, or ends in one line, and writes nothing else."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from support.checkpoint_files import last_of
from support.mutations import OTHERS, mutated

# Each takes minutes, and longer on a busy machine.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

RUN = Path(__file__).parents[2] / "fixtures" / "runs" / "dcgan_small"
CONTENTS = torch.load(last_of(RUN), weights_only=True)
CONFIG = yaml.safe_load((RUN / "config.yaml").read_text())
SMALL = [-1, 0, 1, 3, -0.5, float("nan"), float("inf"), True]
"""Numbers of which networks of any number of channels fit into memory."""
UNTIL_IT_FAILS = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, print_blob=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.fixture
def attempt(here, ganexp):
    """Runs a command on a fresh copy of the run, changed by a function."""

    def run(change, *arguments):
        shutil.rmtree(here / "run", ignore_errors=True)
        change(shutil.copytree(RUN, here / "run"))
        outcome = ganexp(*arguments)
        assert {path.name for path in here.iterdir()} <= {"run", "drawn"}
        if outcome.status != 0:
            assert len(outcome.complaint) < 2000

    return run


@UNTIL_IT_FAILS
@given(changed=mutated(CONTENTS))
def test_a_changed_checkpoint_is_refused_or_used(attempt, changed):
    def change(run):
        torch.save(changed.value, last_of(run))

    attempt(change, "sample", "run=run", "n=1", "out=drawn")
    attempt(change, "resume=run", "images=432", "trainer=cpu", "callbacks.scores=null")


@UNTIL_IT_FAILS
@given(changed=mutated(CONFIG, [*SMALL, *OTHERS]))
def test_a_changed_configuration_is_refused_or_used(attempt, changed):
    def change(run):
        (run / "config.yaml").write_text(yaml.safe_dump(changed.value))

    attempt(change, "sample", "run=run", "n=1", "out=drawn")
