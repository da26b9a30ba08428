"""``ganexp analyze``: what is written where, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp import run_folder
from ganexp.commands.analyzing import subject_of
from ganexp.commands.sampling import load_model
from ganexp.composition import conf_dir, groups


def test_pictures_and_figures_lie_in_the_runs_folder(ganexp, run):
    outcome = ganexp("analyze", f"run={run}", "steps=2", "walks=2", "checkpoint=last", "seed=3")
    assert outcome.status == 0, outcome.err
    written = json.loads((run / "analysis" / "walk" / "figures.json").read_text())
    assert (written["analysis"], written["seed"], written["images_seen"]) == ("walk", 3, 256)
    assert written["settings"]["steps"] == 2
    for name, value in written["figures"].items():
        assert f"walk: {name} {value:.4g}" in outcome.out


def test_samples_have_the_numbers_of_those_that_are_written(ganexp, here, finished):
    assert ganexp("sample", f"run={finished}", "n=70", "seed=5", "out=drawn").status == 0
    written = np.stack([np.asarray(Image.open(here / "drawn" / f"{n:05d}.png")) for n in (0, 3, 69)])
    config = run_folder.read_config(finished)
    subject = subject_of(load_model(config, run_folder.last_checkpoint(finished)), config, 5)
    assert np.array_equal(subject.samples(70)[[0, 3, 69], 0], written)
    assert torch.equal(subject.latents_of([0, 3, 69]), subject.latents(70)[[0, 3, 69]])
    assert torch.equal(subject.labels_of([0, 3, 69]), subject.labels(70)[[0, 3, 69]])


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "analyze needs one run: run=DIR"),
        (["run=."], "is not a run's folder"),
        (["analysis=wlak"], "did you mean walk?"),
        (["analysis=[]"], "analysis"),
        (["steps=abc"], "analysis.walk.steps=abc: a whole number is expected"),
        (["setps=3"], "did you mean analysis.walk.steps?"),
        (["steps=0"], "steps=0: it must be 2 or more"),
        (["anchors=[1,-1]"], "[-1]: samples have the numbers"),
        (["checkpoint=first"], "checkpoint=first: choose last or best"),
        (["checkpoint=best"], "has no checkpoint yet"),
        (["seed=a"], "seed=a: a whole number is expected"),
        (["out=/dev/null/x"], "out=/dev/null/x: cannot be written to"),
    ],
)
def test_a_wrong_argument_is_named(ganexp, finished, arguments, answer):
    run = [] if not arguments or arguments[0].startswith("run=") else [f"run={finished}"]
    outcome = ganexp("analyze", *run, *arguments)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_help_lists_every_analysis_with_its_options(ganexp):
    shown = ganexp("analyze", "--help").out
    assert all(f"\n  {name} " in shown for name in groups(conf_dir())["analysis"])
    assert "steps=8" in shown
