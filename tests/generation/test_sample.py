"""``ganexp sample``: n images of the model's own size, the same for the same seed."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.errors import UserError
from ganexp.runs.model import load_model, truncate
from ganexp.runs.run import saved_run
from support.runs import NETWORKS, UNSCORED


def read(folder):
    paths = sorted(folder.glob("[0-9]*.png"))
    return np.stack([np.asarray(Image.open(path)) for path in paths])


def test_n_images_of_the_models_size_and_a_grid(ganexp, here, finished):
    outcome = ganexp("sample", f"run={finished}", "n=5", "out=drawn")
    assert outcome.status == 0, outcome.err
    assert sorted(path.name for path in (here / "drawn").iterdir()) == [*(f"{i:05d}.png" for i in range(5)), "grid.png"]
    assert read(here / "drawn").shape == (5, 8, 8)


def test_the_seed_decides_and_the_first_images_do_not_depend_on_n(ganexp, here, unlabelled):
    for name, arguments in {"a": ["n=3"], "b": ["n=70"], "c": ["n=3", "seed=1"]}.items():
        assert ganexp("sample", f"run={unlabelled}", f"out={name}", *arguments).status == 0
    few, many, other = (read(here / name) for name in "abc")
    assert np.array_equal(few, many[:3])
    assert not np.array_equal(few, other)


def test_labels_come_in_turn(ganexp, here, finished):
    for labels in ("[3,3,7]", "3,3,7", "3"):
        assert ganexp("sample", f"run={finished}", "n=4", f"labels={labels}", f"out={labels}").status == 0
    in_turn, bare, all_threes = (read(here / name) for name in ("[3,3,7]", "3,3,7", "3"))
    assert np.array_equal(in_turn, bare)
    assert [np.array_equal(*pair) for pair in zip(in_turn, all_threes, strict=True)] == [True, True, False, True]


def test_the_moving_average_draws(ganexp, here, run):
    ganexp("sample", f"run={run}", "n=2", "out=average")
    path = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    state = checkpoint["state_dict"]
    for name in state:
        if name.startswith("generator."):
            state["average.network." + name.removeprefix("generator.")] = state[name]
    torch.save(checkpoint, path)
    ganexp("sample", f"run={run}", "n=2", "out=live")
    assert not np.array_equal(read(here / "average"), read(here / "live"))
    for name in state:
        if name.startswith("generator."):
            state[name] = torch.zeros_like(state[name])
    torch.save(checkpoint, path)
    ganexp("sample", f"run={run}", "n=2", "out=without")
    assert np.array_equal(read(here / "live"), read(here / "without"))


REFUSED = {
    "n=0": "n=0: it must be 1 or more",
    "n=abc": "n=abc: Value 'abc'",
    "n=[1": "n=[1: not valid YAML",
    "labels=[3,10]": "labels=[10]: this model has the classes 0 to 9",
    "labels=[-1]": "labels=[-1]: this model has the classes 0 to 9",
    "labels=[a]": "labels=[a]: Value 'a'",
    "codes=[3]": "codes: this model has no categories of its own",
    "codes=[a]": "codes=[a]: Value 'a'",
    "lables=3": "did you mean labels?",
    "truncation=0": "truncation=0.0: it must be a finite number above 0, for example 0.5",
    "truncation=-2": "truncation=-2.0: it must be a finite number above 0",
    "truncation=0.5": "truncation=0.5: this model's noise is not normal",
    "truncation=abc": "truncation=abc: Value 'abc'",
    "out=/dev/null/x": "out=/dev/null/x: cannot be written to: Not a directory",
    "run=.": "is not a run's folder: it has no config.yaml",
}


@pytest.mark.parametrize(("argument", "answer"), REFUSED.items(), ids=REFUSED)
def test_a_wrong_argument_is_named(ganexp, finished, argument, answer):
    given = {"run": finished, "out": "drawn"}
    rest = [f"{key}={value}" for key, value in given.items() if not argument.startswith(f"{key}=")]
    outcome = ganexp("sample", argument, *rest)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_labels_on_a_model_without_any_are_refused(ganexp, unlabelled):
    outcome = ganexp("sample", f"run={unlabelled}", "out=drawn", "labels=[1]")
    assert outcome.status == 2
    assert "trained without labels" in outcome.complaint


def test_what_is_missing_is_asked_for(ganexp):
    assert ganexp("sample").complaint == "run is not set: give run=…"


@pytest.mark.slow
def test_truncation_changes_the_samples_and_is_told_by_the_protocol(ganexp, here):
    normal = "model.noise._target_=ganexp.noise.normal"
    train = [*UNSCORED, *NETWORKS, "images=256", "run_dir=run", "callbacks.samples=null", normal]
    assert ganexp(*train).status == 0
    for name, arguments in {"wide": ["truncation=9"], "cut": ["truncation=0.1"], "again": ["truncation=0.1"]}.items():
        assert ganexp("sample", "run=run", "n=40", f"out={name}", *arguments).status == 0
    wide, cut, again = (read(here / name) for name in ("wide", "cut", "again"))
    assert np.array_equal(cut, again)
    assert cut.astype(float).var(0).mean() < wide.astype(float).var(0).mean() / 2
    model = load_model(saved_run(here / "run"), 0.1)
    described = model.describe_samples(0)
    assert (described["truncation"], described["batch_norm"]) == (0.1, "standing statistics")


def test_a_model_that_draws_from_no_noise_cannot_be_truncated():
    with pytest.raises(UserError, match=r"^truncation=0.5: this model takes no noise; leave it out$"):
        truncate(torch.nn.Linear(1, 1), 0.5)


def test_points_are_written_as_numbers(ganexp, here):
    run = ["model=gan", "data=gaussians", "data.points=512", "images=512", "run_dir=run", "trainer=cpu", "metric=none"]
    assert ganexp(*run, "model.generator.widths=[8]", "model.discriminator.widths=[8]").status == 0
    assert ganexp("sample", "run=run", "n=7", "out=drawn").status == 0
    points = np.loadtxt(here / "drawn" / "points.csv", delimiter=",", skiprows=1)
    assert points.shape == (7, 2)
    assert np.abs(points).max() <= 1


def test_help_names_every_argument(ganexp):
    shown = ganexp("sample", "--help").out
    assert all(f"  {name} " in shown for name in ("run", "out", "n", "seed", "labels", "truncation", "trust"))
