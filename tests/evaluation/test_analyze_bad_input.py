"""What analyses are refused, each in one line; and labelled images of another kind."""

import json

import pytest
from omegaconf import OmegaConf
from PIL import Image

from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.evaluation.held_out import held_out_images, labelled_images


@pytest.mark.parametrize(
    ("analysis", "arguments", "answer"),
    [
        ("probe", [], "takes the label as an input"),
        ("forget", ["boxes=none.json"], "boxes=none.json cannot be read"),
        ("forget", ["boxes=outside.json"], "sample 3: the box [0, 0, 9, 2] is not inside the image of 8x8 pixels"),
        ("forget", ["boxes=whole.json"], "no patch as large as a box fits beside the boxes"),
        ("forget", ["label=10"], "label=10: the data have the classes 0 to 9"),
        ("filters", ["layers=0"], "analysis.filters.layers=0: it must be a whole number, 1 or more"),
        ("forget", ["boxes=beyond.json"], "sample '512' is not one of 0 to 511"),
        ("arithmetic", ["plus=[[1,2,-3],[4,5,6]]", "minus=[[7,8,9]]"], "[-3]: samples have the numbers 0 to 999,999"),
        ("contact_sheet", ["first=999950"], "first=999950: samples have the numbers 0 to 999,999"),
        ("neighbours", ["k=1797"], "k=1797: the training set has 1797 images; ask for fewer neighbours"),
        ("neighbours", ["held_out=nowhere"], "held_out=nowhere: no such folder, and the data digits has no splits"),
        ("equilibrium", ["held_out=unlabelled"], "the held-out images have none: give class folders"),
    ],
)
@pytest.mark.thinned(2)
def test_a_wrong_argument_is_named(ganexp, here, finished, analysis, arguments, answer):
    (here / "outside.json").write_text(json.dumps({"3": [[0, 0, 9, 2]]}))
    (here / "beyond.json").write_text(json.dumps({"512": [[0, 0, 2, 2]]}))
    (here / "whole.json").write_text(json.dumps({"3": [[0, 0, 8, 8]]}))
    pictures(here / "unlabelled")
    outcome = ganexp("analyze", f"run={finished}", f"analysis={analysis}", *arguments, "out=looked")
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_too_few_labelled_images_are_refused(ganexp, here, unlabelled):
    for name in ("cat", "dog"):
        pictures(here / "few" / name)
    outcome = ganexp("analyze", f"run={unlabelled}", "analysis=probe", "labelled=few", "out=looked")
    assert outcome.status == 2
    assert "5 labelled images are too few to train on: 10 are needed" in outcome.complaint


def pictures(folder, n=3, size=(12, 10)):
    folder.mkdir(parents=True)
    for number in range(n):
        Image.new("RGB", size, (40 * number, 0, 0)).save(folder / f"{number}.png")


def settings():
    return OmegaConf.create(composition.resolve(composition.compose("evaluate", ["data=digits"]).data))


def test_a_folder_of_classes_of_another_size_is_brought_to_the_runs_and_that_is_said(tmp_path):
    for name in ("cat", "dog"):
        pictures(tmp_path / "one" / name)
    train, test = labelled_images(str(tmp_path / "one"), settings())
    assert train.shape == (1, 8, 8)
    assert train.labels().tolist() == [0, 0, 0, 1, 1, 1]
    assert test.images is None
    assert "converted to 8x8 with 1 channel" in test.description


def test_a_folder_of_two_splits_is_learned_from_and_tested_on(tmp_path):
    for part, n in (("train", 4), ("test", 2)):
        for name in ("cat", "dog"):
            pictures(tmp_path / part / name, n)
    train, test = labelled_images(str(tmp_path), settings())
    assert (train.count, test.images.count) == (8, 4)
    held_out = held_out_images(OmegaConf.create({"data": settings()}), str(tmp_path / "test"))
    assert held_out.images.labels().tolist() == [0, 0, 1, 1]


def test_another_data_set_comes_in_the_runs_size():
    data = settings()
    data.image_size, data.channels = 16, 3
    train, test = labelled_images("digits", data)
    assert (train.count, train.shape) == (1797, (3, 16, 16))
    assert test.description == "1,797 images of digits, converted to 16x16 with 3 channels"


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("nothing", "neither a folder nor a labelled data set"),
        ("image_folder", "neither a folder nor a labelled data set"),
        ("gaussians", "neither a folder nor a labelled data set"),
        ("facades", "neither a folder nor a labelled data set"),
    ],
)
def test_what_has_no_labels_is_refused(wanted, answer):
    with pytest.raises(UserError, match=answer):
        labelled_images(wanted, settings())


def test_a_folder_without_classes_is_refused(tmp_path):
    pictures(tmp_path / "all")
    with pytest.raises(UserError, match="the images have no labels"):
        labelled_images(str(tmp_path / "all"), settings())
