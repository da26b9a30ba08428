"""Settings read without Hydra: the same as Hydra composes."""

import pytest

from ganexp.completion.settings import Composer
from ganexp.config import composition
from ganexp.config.folders import conf_dir, groups
from support.parts import thinned

CHOICES = [
    f"{group}={option}"
    for group in ("model", "experiment", "data", "metric", "debug")
    for option in groups(conf_dir())[group]
]
PLACED = ["model/translator@model.generator=unet model=cyclegan", "optimizer/rule@optimizer.generator=sgd loss=hinge"]


@pytest.mark.parametrize(
    "choice", [*thinned(CHOICES, 40), *PLACED, "metric=[fid,kid]", "data.flip=true +model/without=generator"]
)
def test_they_are_those_that_hydra_composes(choice):
    composition.register_resolvers()
    overrides = choice.split()
    settings = Composer([conf_dir()]).settings("train", overrides)
    settings.pop("hydra")
    # Values are not for completions to know.
    overrides = [override for override in overrides if override != "data.flip=true"]
    assert settings == composition.compose_or_empty(overrides, [])


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "a: [1\n", "", "defaults:\n  - [1]\n  - 3: 4\n", "defaults: 3\n", "\x00"]
)
def test_what_is_no_option_is_left_out(tmp_path, text):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "broken.yaml").write_text(text)
    composer = Composer([conf_dir(), tmp_path])
    assert composer.settings("train", ["model=broken", "model=also=broken"])["images"] == 200_000
