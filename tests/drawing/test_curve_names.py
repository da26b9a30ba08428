"""Names and titles of curves are those that a reader knows."""

import math
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ganexp.callbacks.curves import title_of
from ganexp.drawing.curve_names import loss_name, output_names, score_name
from ganexp.drawing.plots import are_far_apart, panels_of, plot_curves

LOSSES = {
    "loss/discriminator/adversarial": "discriminator: adversarial",
    "loss/generator/adversarial_a2b": "generator: adversarial a2b",
    "loss/encoder/kl": "encoder: KL",
    "loss/generator/path_length": "generator: path length",
}
SCORES = {
    "score/fid": "FID",
    "score/fid_classifier": "Fréchet distance (classifier's features)",
    "score/kid_own": "kernel distance (own features)",
    "score/fid_clean": "FID, clean",
    "score/fid_dinov2": "Fréchet distance (DINOv2's features)",
    "score/kid_classifier_b2a_input": "kernel distance (classifier's features), b2a input",
    "score/cmmd": "CMMD",
    "score/prc_classifier_recall": "precision and recall (classifier's features), recall",
    "score/density_coverage_own_density": "density and coverage (own features), density",
    "score/psnr_bicubic": "PSNR, bicubic",
    "score/modes_covered": "modes covered",
}


@pytest.mark.parametrize(("column", "name"), LOSSES.items())
def test_a_loss_has_a_name_for_readers(column, name):
    assert loss_name(column) == name


@pytest.mark.parametrize(("column", "name"), SCORES.items())
def test_a_score_has_a_name_for_readers(column, name):
    assert score_name(column) == name


@pytest.mark.parametrize(("outputs", "names"), [
    (["real", "fake"], ["real images", "samples"]),
    (
        ["real_a", "fake_a", "real", "fake"],
        ["real images of a", "translations to a", "real images of b", "translations to b"],
    ),
    (
        ["real_4", "fake_4", "real", "fake"],
        ["real images, level 4", "samples, level 4", "real images, last level", "samples, last level"],
    ),
    (["real_mine", "other"], ["real images mine", "other"]),
])  # fmt: skip
def test_outputs_of_several_discriminators_are_told_apart(outputs, names):
    columns = [f"discriminator/{name}_output" for name in outputs]
    assert [output_names(columns)[column] for column in columns] == names


def test_no_two_scores_have_one_name():
    features = ("", "_classifier", "_own", "_clean", "_bf16", "_classifier_test")
    columns = [f"score/{metric}{feature}" for metric in ("fid", "kid", "is", "x") for feature in features]
    assert len({score_name(column) for column in columns}) == len(columns)


POINTS = [(1.0, 0.5), (2.0, 0.4)]


def test_scores_of_one_measure_share_axes_in_which_no_two_have_one_name():
    columns = [
        "psnr",
        "psnr_input",
        "psnr_b2a",
        "fid_classifier",
        "fid_own",
        "modes_covered",
        "modes_quality",
        "x",
        "x_y",
    ]
    panels = panels_of({f"score/{column}": POINTS for column in columns})
    assert [(panel.title, list(panel.columns)) for panel in panels] == [
        ("PSNR", ["PSNR", "input", "b2a"]),
        ("Fréchet distance (classifier's features)", ["Fréchet distance (classifier's features)"]),
        ("Fréchet distance (own features)", ["Fréchet distance (own features)"]),
        *((name, [name]) for name in ("modes covered", "modes quality", "x", "x y")),
    ]


def test_every_curve_is_in_one_panel():
    columns = ["loss/a/b", "loss/a/c", "discriminator/real_output", "score/psnr", "score/psnr_input", "score/x"]
    panels = panels_of(dict.fromkeys([*columns, "time/seconds"], POINTS))
    assert sorted(column for panel in panels for column in panel.columns.values()) == sorted(columns)


@pytest.mark.parametrize(("values", "is_logarithmic"), [
    ([[78.0, 60.0], [0.7, 0.5]], True),
    ([[-300.0], [2.0]], True),
    ([[8.0], [0.1]], False),
    ([[78.0], [30.0]], False),
    ([[math.inf, 1.0], [math.nan, 0.5]], False),
])  # fmt: skip
def test_a_scale_is_logarithmic_where_a_curve_would_be_flat_beside_another(values, is_logarithmic):
    assert are_far_apart([list(enumerate(curve)) for curve in values]) == is_logarithmic


def test_no_text_of_a_plot_covers_another_or_a_curve(tmp_path, monkeypatch):
    """CycleGAN's curves have the longest names."""
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **options: (figures.append(self), save(self, *a, **options))
    )
    losses = [f"loss/generator/{term}_{domain}" for term in ("adversarial", "cycle", "identity") for domain in "ab"]
    scores = [f"score/kid_classifier{suffix}" for suffix in ("", "_input", "_b2a")]
    outputs = [f"discriminator/{name}_output" for name in ("real_a", "fake_a", "real", "fake")]
    columns = [*losses, *outputs, *scores, "score/fid_classifier", "score/fid_own"]
    rows = [",".join(map(str, [images, *range(images, images + len(columns))])) for images in (1, 2)]
    (tmp_path / "metrics.csv").write_text("\n".join([",".join(["images", *columns]), *rows]))
    plot_curves(
        tmp_path / "metrics.csv", tmp_path / "curves.png", title="cyclegan on mosaic_unpaired, lsgan loss, seed 0"
    )
    figure = figures[0]
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [figure._suptitle.get_window_extent(renderer)]
    for axis in figure.axes:
        boxes += [axis.get_window_extent(renderer), axis._left_title.get_window_extent(renderer)]
        boxes += [axis.get_legend().get_window_extent(renderer)] if axis.get_legend() else []
    inside = figure.bbox
    assert all(box.x0 >= inside.x0 and box.x1 <= inside.x1 and box.y1 <= inside.y1 for box in boxes)
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]


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
