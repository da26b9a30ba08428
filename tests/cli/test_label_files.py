"""Labels from files and balanced sampling by the command line."""

import json

import pytest
import torch
from PIL import Image

import ganexp as package
from ganexp.runs.class_names import read_class_names
from support.command_line import CONDITIONAL
from support.runs import UNSCORED

IMAGES = 32


@pytest.fixture
def data(here):
    """The arguments of a folder of images whose labels are in a file: one dog to three cats."""
    (here / "images").mkdir()
    rows = ["file,label"]
    for number in range(IMAGES):
        Image.new("L", (8, 8), 6 * number).save(here / "images" / f"{number}.png")
        rows.append(f"{number}.png,{'dog' if number % 4 == 0 else 'cat'}")
    (here / "labels.csv").write_text("\n".join(rows))
    sizes = ["data.image_size=8", "data.channels=1", "data.batch_size=16"]
    return [*UNSCORED, "data=image_folder", "data.root=images", "data.labels=labels.csv", *sizes]


@pytest.fixture
def attributes(here, data):
    """The arguments of the same folder, with two attributes for each image as in CelebA's list."""
    rows = [f"{number}.png  {1 if number % 2 else -1} {1 if number % 3 else -1}" for number in range(IMAGES)]
    (here / "attributes.txt").write_text("\n".join([str(IMAGES), "Smiling Male", *rows]))
    return [*data, "data.labels=attributes.txt"]


@pytest.mark.slow
def test_a_model_is_trained_on_the_classes_of_a_file_drawn_equally_often(ganexp, here, data):
    train = [*data, "data.balance=true", "model=cdcgan", *CONDITIONAL, "images=32", "run_dir=run"]
    assert ganexp(*train).status == 0
    assert read_class_names(here / "run") == ["cat", "dog"]
    assert ganexp("sample", "run=run", "n=2", "labels=[dog,cat]", "out=drawn").status == 0


def test_a_model_is_trained_on_attributes_and_draws_sets_of_them(ganexp, here, attributes):
    assert ganexp(*attributes, "model=cdcgan", *CONDITIONAL, "images=16", "run_dir=run").status == 0
    assert read_class_names(here / "run") == ["Smiling", "Male"]
    assert ganexp("sample", "run=run", "n=2", "labels=[Smiling+Male,none]", "out=drawn").status == 0
    wrong = ganexp("sample", "run=run", "n=2", "labels=[Smiling+Mael]", "out=wrong")
    message = "labels=[Mael]: no such attribute; did you mean Male? There are: Smiling, Male"
    assert (wrong.status, wrong.complaint) == (2, message)


@pytest.mark.slow
def test_a_model_of_attributes_is_resumed_and_taken_by_every_command(ganexp, here, attributes):
    assert ganexp(*attributes, "model=cdcgan", *CONDITIONAL, "images=16", "run_dir=run").status == 0
    assert ganexp("resume=run", "images=48").status == 0
    outcome = ganexp("sample", "run=run", "by_class=true", "out=x")
    assert (outcome.status, "attributes" in outcome.complaint) == (2, True)
    done = ganexp("analyze", "run=run", "analysis=[walk,equilibrium,forget,probe]", "analysis.walk.walks=2")
    assert done.status == 0, done.err
    assert "forget: does not apply: the data have several attributes for each image, not one class" in done.out
    # Read back, and with the attributes that were asked for.
    assert ganexp("publish", "run=run", "to=published").status == 0
    card = (here / "published" / "README.md").read_text()
    assert 'labels=["Smiling+Male", "none"]' in card
    assert "Attributes: Smiling, Male" in card
    labels = ["Male", "none"]
    model = package.load("run")
    assert torch.equal(package.load("published").sample(3, labels=labels), model.sample(3, labels=labels))
    done = ganexp("export", "run=published", "out=generator.pt2")
    assert done.status == 0, done.err
    assert "input   attributes (batch, 2): 1: has the attribute; 0: has not" in done.out
    extra = {"ganexp.json": ""}
    exported = torch.export.load(here / "generator.pt2", extra_files=extra).module()
    assert json.loads(extra["ganexp.json"])["attributes"] == ["Smiling", "Male"]
    noise = model.game.sampler.numbered_noise(torch.arange(2), 0)
    drawn = exported(noise=noise, attributes=torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    torch.testing.assert_close(drawn, model.sample(2, labels=labels))
    assert ganexp("export", "run=run", "out=judge.pt2", "network=discriminator").status == 0


def test_a_label_file_that_is_missing_is_one_line(ganexp, data):
    outcome = ganexp(*data, "data.labels=nowhere.csv", "images=32", "run_dir=run")
    assert (outcome.status, outcome.complaint) == (2, "data.labels=nowhere.csv: there is no such file")


@pytest.mark.slow
def test_another_number_of_classes_than_in_the_file_is_one_line(ganexp, data):
    outcome = ganexp(*data, "data.num_classes=3", "images=32", "run_dir=run")
    message = "data.num_classes=3, but data.labels=labels.csv has 2 classes: data.num_classes=2, or null to ignore"
    assert outcome.status == 2
    assert outcome.complaint.startswith(message)


def test_a_model_of_one_class_refuses_attributes(ganexp, attributes):
    outcome = ganexp(*attributes, "model=acgan", "images=32", "run_dir=run")
    assert outcome.status == 2
    assert outcome.complaint.startswith(
        "the data have several attributes for each image, and the model takes one class"
    )


@pytest.mark.slow
def test_balance_refuses_attributes(ganexp, attributes):
    outcome = ganexp(*attributes, "model=cdcgan", "data.balance=true", *CONDITIONAL, "images=32", "run_dir=run")
    assert outcome.status == 2
    assert outcome.complaint.startswith("data.balance=true: images have several attributes each")
