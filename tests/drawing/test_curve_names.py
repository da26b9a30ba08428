"""Names and titles of curves are those that a reader knows."""

import pytest
from matplotlib.figure import Figure

from ganexp.callbacks.curves import title_of
from ganexp.drawing.curve_names import curve_name
from ganexp.drawing.plots import plot_curves

NAMES = {
    "loss/discriminator/adversarial": "discriminator: adversarial",
    "discriminator/real_output": "real images",
    "discriminator/fake_output": "samples",
    "score/fid": "FID",
    "score/fid_classifier": "Fréchet distance (classifier's features)",
    "score/kid_own": "kernel distance (own features)",
    "score/fid_clean": "FID (clean)",
    "score/fid_dinov2": "Fréchet distance (DINOv2's features)",
    "score/cmmd": "CMMD",
    "score/prc_classifier": "precision and recall (classifier's features)",
    "score/modes_covered": "modes covered",
}


@pytest.mark.parametrize(("column", "name"), NAMES.items())
def test_a_column_has_a_name_for_readers(column, name):
    assert curve_name(column) == name


def test_no_two_scores_have_one_name():
    features = ("", "_classifier", "_own", "_clean", "_bf16", "_classifier_test")
    columns = [f"score/{metric}{feature}" for metric in ("fid", "kid", "is", "x") for feature in features]
    assert len({curve_name(column) for column in columns}) == len(columns)


def test_a_title_says_what_was_trained_as_far_as_it_is_recorded():
    choices = {"model": "dcgan", "data": "mnist", "loss": "hinge"}
    assert title_of({"choices": choices}, 3) == "dcgan on mnist, hinge loss, seed 3"
    assert title_of({"choices": {**choices, "loss": None}}, 0) == "dcgan on mnist, seed 0"
    assert title_of({"choices": "none"}, 0) == title_of({}, 0) == "seed 0"


def test_the_title_is_on_the_plot(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(Figure, "suptitle", lambda _, text: titles.append(text))
    (tmp_path / "metrics.csv").write_text("images,loss/a,score/fid\n1,0.5,9\n2,0.4,8\n")
    plot_curves(tmp_path / "metrics.csv", tmp_path / "curves.png", title="gan on $x")
    assert titles == [r"gan on \$x"]
