"""``ganexp analyze``: what is written where, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.cli.analyze import selected_analyses
from ganexp.config.composition import conf_dir, groups
from ganexp.data.memory import InMemory
from ganexp.errors import UserError
from ganexp.evaluation.analyze import readable
from ganexp.evaluation.held_out import held_out_images
from ganexp.evaluation.subject import build_subject
from ganexp.metrics.reference import RealImages
from ganexp.metrics.scoring import RealSet
from ganexp.runs import run_folder
from ganexp.runs.model import load_model
from ganexp.runs.run import saved_run


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
    run = saved_run(finished)
    subject = build_subject(load_model(run), run.config, 5)
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
        (["setps=3"], "did you mean steps?"),
        (["steps=0"], "analysis.walk.steps=0: it must be a whole number, 2 or more"),
        (["anchors=[1,-1]"], "[-1]: samples have the numbers"),
        (["checkpoint=first"], "checkpoint=first: choose last or best"),
        (["checkpoint=best"], "best.ckpt is missing; there are: last"),
        (["seed=a"], "seed=a: a whole number is expected"),
        (["out=/dev/null/x"], "out=/dev/null/x: cannot be written to"),
    ],
)
def test_a_wrong_argument_is_named(ganexp, finished, arguments, answer):
    run = [] if not arguments or arguments[0].startswith("run=") else [f"run={finished}"]
    outcome = ganexp("analyze", *run, *arguments)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_of_several_what_applies_is_done_and_the_rest_is_told(ganexp, here, finished):
    options = ["analysis=[truncation,contact_sheet]", "analysis.contact_sheet.n=4"]
    outcome = ganexp("analyze", f"run={finished}", *options, "out=seen")
    assert outcome.status == 0, outcome.err
    assert "truncation: does not apply: its noise is not normal" in outcome.out
    assert [path.name for path in (here / "seen").iterdir()] == ["contact_sheet"]
    alone = ganexp("analyze", f"run={finished}", "analysis=truncation", "out=seen")
    assert alone.status == 2
    assert "analysis=truncation: its noise is not normal" in alone.complaint


def test_all_are_all_options():
    every = groups(conf_dir())["analysis"]
    assert selected_analyses(["analysis=all"], every) == every
    assert selected_analyses([], every) == ["walk"]
    assert selected_analyses(["seed=3", "analysis=[walk, probe]"], every) == ["walk", "probe"]


def test_one_that_fails_does_not_keep_the_others_from_being_done(ganexp, here, finished):
    options = [
        "analysis=[turn,contact_sheet]",
        "analysis.turn.end=right-left",
        "analysis.turn.measured=right",
        "analysis.turn.pool=9",
    ]
    outcome = ganexp("analyze", f"run={finished}", *options, "out=seen")
    assert outcome.status == 2
    assert "analysis turn: right-left: 0 of 9 samples match, at least 3 are needed" in outcome.complaint
    assert (here / "seen" / "contact_sheet" / "figures.json").is_file()


def test_a_folder_of_held_out_images_is_brought_to_size_and_that_is_told(finished, pictures):
    config = run_folder.read_config(finished)
    held_out = held_out_images(config, str(pictures))
    assert held_out.description == f"70 images of {pictures}, converted to 8x8 with 1 channel"
    assert held_out.images.shape == (1, 8, 8)


def test_what_was_held_out_follows_from_the_datas_splits(finished, monkeypatch):
    config = run_folder.read_config(finished)
    assert held_out_images(config, None).description == "the data digits has no split that was not trained on"
    with pytest.raises(UserError, match=r"held_out=test: no such folder, and the data digits has no splits"):
        held_out_images(config, "test")
    config.data.source = {"split": "train", "download": True}
    with pytest.raises(UserError, match=r"held_out=train: the run was trained on that split"):
        held_out_images(config, "train")
    asked = []

    def only_valid(data, most):
        asked.append(dict(data.source))
        if data.source.split != "valid":
            raise UserError("no such split")
        return RealSet(RealImages(InMemory(torch.zeros(9, 1, 8, 8, dtype=torch.uint8)), "nine"), {})

    monkeypatch.setattr("ganexp.evaluation.held_out.real_set", only_valid)
    assert held_out_images(config, None).description == "9 images of digits's split valid"
    # Nothing is downloaded that nobody asked for.
    assert asked == [{"split": "test", "download": False}, {"split": "valid", "download": False}]
    asked.clear()
    held_out_images(config, "valid")
    assert asked == [{"split": "valid", "download": True}]


def test_a_model_that_makes_images_from_images_is_refused(ganexp, run):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("inputs: null", "inputs: paired"))
    complaint = ganexp("analyze", f"run={run}").complaint
    assert complaint.endswith("this model translates images; analyze needs one that draws them from noise")


def test_a_run_that_names_foreign_code_is_refused(ganexp, run):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("ganexp.networks.dcgan.Generator", "os.system"))
    assert "the run's config.yaml names os.system" in ganexp("analyze", f"run={run}").complaint


def test_figures_read_as_text():
    assert readable({"a": 0.123456, "b": {"c": [1, 2.0], "d": "x"}}) == "a 0.1235, b (c 1, 2, d x)"


def test_help_lists_every_analysis_with_its_options(ganexp):
    shown = ganexp("analyze", "--help").out
    assert all(f"\n  {name} " in shown for name in groups(conf_dir())["analysis"])
    assert "steps=8" in shown
