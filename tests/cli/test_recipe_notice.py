"""The line at the start of a run of a recipe that knowingly differs from the published game."""

import pytest

from ganexp.config import recipes
from support.runs import TINY

SMALL = "experiment=dcgan_digits_small"


def test_a_run_says_once_that_its_recipe_is_not_the_published_game(ganexp):
    run = ganexp(SMALL, *TINY, "images=64", "run_dir=run")
    assert run.status == 0
    assert run.err.splitlines().count(recipes.notice("dcgan_digits_small")) == 1


@pytest.mark.slow
def test_so_does_every_run_of_a_sweep_but_none_without_a_recipe(ganexp):
    sweep = ganexp("-m", SMALL, "seed=0,1", *TINY, "images=64", "sweep_dir=sweep")
    assert sweep.err.splitlines().count(recipes.notice("dcgan_digits_small")) == 2
    assert "published" not in ganexp(*TINY, "images=64", "run_dir=alone").err
