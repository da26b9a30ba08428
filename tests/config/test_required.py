"""What a run needs cannot be left out, and what it does not need can."""

import pytest
from omegaconf import OmegaConf

from ganexp.config import composition
from ganexp.config.required import check_required
from ganexp.config.schema import settings
from ganexp.errors import UserError

NEEDED = [
    "optimizer.generator", "schedule.discriminator", "model.loss", "model.noise", "model.generator",
    "model.generator.channels", "model.generator.normalization", "model.generator._target_",
    "optimizer.generator._partial_", "data.source", "data.source._target_", "model.optimizers",
]  # fmt: skip
UNNEEDED = [
    "optimizer.generator.lr", "model.generator.width", "model.ema", "model.penalties", "callbacks.samples",
    "logger.csv", "model.gradient_clip", "trainer.benchmark",
]  # fmt: skip


@pytest.fixture(scope="module")
def defaults():
    return OmegaConf.to_container(composition.compose("train", []))


def changed(values, key, *value):
    """Return the values without a key, or with another value for it."""
    name, _, inner = key.partition(".")
    if inner:
        return {**values, name: changed(values[name], inner, *value)}
    return {other: values[other] for other in values if other != name} | dict.fromkeys([name] if value else [], *value)


@pytest.mark.parametrize("key", NEEDED)
def test_what_a_run_needs_is_not_left_out(defaults, key):
    with pytest.raises(UserError, match=f"^{key}: a run needs it"):
        check_required(changed(defaults, key), defaults, [key])


@pytest.mark.parametrize("key", UNNEEDED)
def test_what_has_a_default_or_is_not_needed_may_be_left_out(defaults, key):
    assert key in {place for place, *_ in settings(defaults)}
    check_required(changed(defaults, key), defaults, [key])


@pytest.mark.parametrize("group", ["optimizer", "schedule"])
def test_no_player_is_without_an_optimizer_or_schedule(defaults, group):
    with pytest.raises(UserError, match=f"{group}.generator: a run needs it"):
        check_required(changed(defaults, f"{group}.generator", None), defaults, [f"{group}.generator"])


def test_what_is_deleted_and_given_anew_is_not_missing(defaults):
    values = changed(defaults, "model.generator", {"_target_": "mine.Network"})
    check_required(values, defaults, ["model.generator", "model.generator"])
