"""Training and composing from Python: as by the command line, with exceptions in place of exits."""

import sys
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

import ganexp as package
from ganexp.errors import UserError
from ganexp.losses import NonSaturating
from support import runs

OWN = "losses_of_mine.Mine"
TINY = [*runs.TINY, "images=64", f"loss._target_={OWN}"]


class Mine(NonSaturating):
    """A user's own loss."""


@pytest.fixture(scope="module", autouse=True)
def _own_code():
    """A module of the user's."""
    sys.modules["losses_of_mine"] = SimpleNamespace(Mine=Mine)
    yield
    del sys.modules["losses_of_mine"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model trained from Python with code of one's own, and the arguments of the program before and after."""
    folder = tmp_path_factory.mktemp("python") / "run"
    before = list(sys.argv)
    model = package.train([f"run_dir={folder}", *TINY])
    return model, folder, before, list(sys.argv)


def test_train_returns_the_run_as_load_does(trained):
    model, folder, before, after = trained
    assert model.folder == folder
    loaded = package.load(folder, trust=[OWN])
    assert torch.equal(model.sample(3), loaded.sample(3))
    assert model.config.model == loaded.config.model
    assert after == before


def test_code_of_ones_own_is_trained_with_but_not_loaded_from_a_folder_unless_trusted(trained):
    model, folder, *_ = trained
    assert type(model.game.loss) is Mine
    with pytest.raises(UserError, match=f"names {OWN} at"):
        package.load(folder)


def test_compose_returns_what_train_trains_with(trained):
    _, folder, *_ = trained
    composed = package.compose(TINY)
    saved = OmegaConf.load(folder / "config.yaml")
    assert {name: composed[name] for name in saved} == saved
    assert composed.model.generator.image_size == 8
    assert composed.run_dir == "outputs"


def test_train_continues_a_run(trained):
    model, folder, *_ = trained
    longer = package.train([f"resume={folder}", "images=128", f"trust={OWN}"])
    assert longer.folder == folder
    assert not torch.equal(longer.sample(1), model.sample(1))


MISTAKES = {
    "did you mean dcgan": ["model=dcgann"],
    "images": ["images=abc"],
    "-m is a flag of the command line; in a terminal: python -m ganexp -m seed=0,1": ["-m", "seed=0,1"],
    "give a list, such as ['model=dcgan', 'data=mnist']": "model=dcgan data=mnist",
    "cannot be read": ["a=[1"],
    "needs labels": ["model=cgan", "data=gaussians"],
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_an_exception_of_one_line(message):
    with pytest.raises(UserError) as raised:
        package.compose(MISTAKES[message])
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("message", ["did you mean dcgan", "needs labels"])
def test_a_mistake_in_training_is_that_of_composing_and_leaves_no_folder(message, here):
    with pytest.raises(UserError) as composed:
        package.compose(MISTAKES[message])
    with pytest.raises(UserError) as trained:
        package.train(MISTAKES[message])
    assert str(trained.value) == str(composed.value)
    assert not list(here.iterdir())
