"""Latent arithmetic and the turn vector: closed forms, and generators with planted attributes."""

import pytest
import torch
from PIL import Image
from torch import nn

from ganexp.analysis.arithmetic import Arithmetic, combined, neighbourhood
from ganexp.analysis.concepts import Concept, expected_attributes, parse_concept
from ganexp.analysis.pose_direction import PoseDirection, moved
from ganexp.analysis.properties import slant, stroke_width
from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from support.subjects import Linear, rng, subject

SIDE = 12


def bars(shear, light=1.0, width=2.0):
    """Upright bars of a height of 8 pixels, sheared to the right, antialiased."""
    down = torch.arange(SIDE)[:, None] - (SIDE - 1) / 2
    right = torch.arange(SIDE) - (SIDE - 1) / 2
    across = (right + shear[:, None, None] * down).abs()
    bar = (width / 2 + 0.5 - across).clamp(0, 1) * (down.abs() < 4.5)
    return (bar * light * 2 - 1)[:, None]


class Leaning(nn.Module):
    """Bars whose slant and lightness are functions of the noise: class 1 is light, class 0 half as light."""

    def forward(self, noise):
        light = torch.where(noise[:, 1] > 0, 1.0, 0.5)[:, None, None]
        return bars(0.25 * noise[:, 0].tanh(), light)


class Lightness(Extractor):
    """Logits of the two classes of bars."""

    def __init__(self):
        super().__init__(nn.Identity(), {"network": "lightness"})

    def outputs(self, images):
        above = images.flatten(1).float().amax(1) - 190
        return {"features": images.flatten(1).float(), "logits": torch.stack([-above, above], 1)}


def leaning():
    return subject(Leaning(), latent=3, load_extractor=lambda _: Lightness())


def test_the_stroke_width_of_a_long_bar_and_the_slant_of_a_sheared_one():
    wide = torch.full((2, 1, 200, 40), -1.0)
    wide[0, :, :, 10:13], wide[1, :, :, 10:17] = 1, 0
    assert torch.allclose(stroke_width(wide), torch.tensor([3.0, 7.0]).double(), rtol=0.05)
    shear = torch.tensor([-0.3, 0.0, 0.1, 0.3])
    assert torch.allclose(slant(bars(shear)).float(), shear, atol=0.02)
    assert torch.allclose(slant(bars(shear, light=0.3)).float(), shear, atol=0.02)
    dark = torch.full((1, 1, 8, 8), -1.0)
    assert (stroke_width(dark).item(), abs(slant(dark).item())) == (0, 0)


def test_a_linear_generators_arithmetic_is_exact():
    generator, parts = Linear(), torch.randn(3, 5, 6, generator=rng())
    with torch.no_grad():
        added = generator(combined(list(parts[:2]), [parts[2]])[None])
        images = [generator(part).mean(0, True) for part in parts]
        assert torch.allclose(added, images[0] + images[1] - images[2], atol=1e-6)
    assert torch.allclose(combined([parts[0], parts[1]], [parts[0]]), parts[1].mean(0), atol=1e-6)


def test_the_result_is_in_the_middle_of_its_neighbours():
    latent = torch.randn(200, generator=rng())
    around = neighbourhood(latent, 0.25, rng())
    assert torch.equal(around[4], latent)
    offsets = (around - latent)[[0, 1, 2, 3, 5, 6, 7, 8]]
    assert offsets.abs().max() <= 0.25
    assert offsets.std() == pytest.approx(0.25 / 3**0.5, rel=0.1)


def test_moved_latents_lie_on_the_line():
    latents, direction = torch.randn(4, 6, generator=rng()), torch.randn(6, generator=rng(1))
    path = moved(latents, direction, torch.tensor([-1.0, 0.0, 2.0]))
    assert torch.equal(path[:, 1], latents)
    assert torch.allclose(path[:, 2] - path[:, 0], 3 * direction.expand(4, -1), atol=1e-5)


@pytest.mark.parametrize(
    ("plus", "minus", "expected"),
    [
        (["thick-class3", "class7"], ["class3"], {"thick", "class7"}),
        (["thick-class3", "thin-class7"], ["thin-class3"], {"thick", "class7"}),
        (["right", "class1"], ["left"], {"right", "class1"}),
        (["class1"], [], {"class1"}),
    ],
)
def test_expected_attributes_follow_from_those_of_the_concepts(plus, minus, expected):
    sides = ([parse_concept(option, "") for option in side] for side in (plus, minus))
    assert set(expected_attributes(*sides)) == expected


def test_arithmetic_of_planted_attributes_is_as_expected(tmp_path):
    figures = Arithmetic(pool=600, sums=60)(leaning(), tmp_path)
    assert figures["expected"] == "right-classB"
    # A quarter leans to the right and half is of the class, which a mean of few exemplars can miss.
    assert figures["chance"] == pytest.approx(1 / 8, abs=0.03)
    assert figures["share_right"] > 0.9
    assert figures["share_as_expected"] > 0.75
    assert figures["share_of_neighbours_as_expected"] > 0.7
    assert Image.open(tmp_path / "arithmetic.png").width > 200


def test_numbers_of_samples_are_concepts_too(tmp_path):
    planted = leaning()
    lean = planted.latents(200)[:, 0]
    right, left = (order[:4].tolist() for order in (lean.argsort(descending=True), lean.argsort()))
    figures = Arithmetic(plus=[right, right], minus=[left], expect="right", pool=200)(planted, tmp_path)
    assert (figures["sums"], figures["share_as_expected"]) == (1, 1)
    assert Arithmetic(plus=[right], minus=[])(planted, tmp_path) == {"sums": 1}


def test_the_turn_vector_changes_the_slant_and_keeps_the_class(tmp_path):
    figures = PoseDirection(pool=400, samples=50, steps=5)(leaning(), tmp_path)
    assert figures["values"] == sorted(figures["values"])
    assert figures["share_turned_the_right_way"] == 1
    assert figures["change_in_standard_deviations"] > 2
    assert min(figures["share_of_classes_kept"]) > 0.85
    back = PoseDirection(start="right", end="left", pool=400, samples=50, steps=5)(leaning(), tmp_path)
    assert back["values"] == sorted(back["values"], reverse=True)
    assert back["share_turned_the_right_way"] == 1


def test_attributes_need_strokes_and_classes():
    coloured = leaning()
    coloured.shape = (3, 8, 8)
    assert "grey images only; give numbers of samples instead" in Arithmetic().reason_against(coloured)
    assert "grey images only" in PoseDirection().reason_against(coloured)
    assert Arithmetic(plus=[[1, 2, 3]], minus=[]).reason_against(coloured) is None
    unlabelled = leaning()
    unlabelled.extractor.description["labels"] = "rotations"
    assert "the data has no classes" in Arithmetic().reason_against(unlabelled)
    assert PoseDirection().reason_against(unlabelled) is None


@pytest.mark.parametrize(
    ("analysis", "settings", "message"),
    [
        (Arithmetic, {"plus": ["thick"]}, "plus has 1 concepts and minus 1: add one more than you subtract"),
        (
            Arithmetic,
            {"plus": ["bold"], "minus": []},
            "plus: bold: 'bold' is not an attribute; choose from thick",
        ),
        (
            Arithmetic,
            {"plus": [[1, 2]], "minus": []},
            "plus: [1, 2]: give attributes, such as thick-class3, or a list of 3",
        ),
        (Arithmetic, {"plus": [7], "minus": []}, "plus: 7: give attributes"),
        (Arithmetic, {"plus": ["class2"], "minus": []}, "class2: there is no such class; they are class0 to class1"),
        (
            Arithmetic,
            {"plus": ["right-left"], "minus": []},
            "right-left: 0 of 50 samples match, at least 3 are needed",
        ),
        (Arithmetic, {"plus": ["classA-classB"], "minus": []}, "samples match, at least 3 are needed"),
        (Arithmetic, {"plus": [[1, 2, -3]], "minus": []}, "[-3]: samples have the numbers"),
        (Arithmetic, {"exemplars": 2}, "exemplars=2: it must be 3 or more"),
        (Arithmetic, {"noise": -1}, "noise=-1: it must be 0 or more"),
        (PoseDirection, {"end": "class1"}, "end=class1: name the property to measure: measured=thick|thin|right|left"),
        (PoseDirection, {"measured": "tall"}, "measured=tall: choose one of thick"),
        (PoseDirection, {"start": "left-right"}, "left-right: 0 of 50 samples match"),
        (PoseDirection, {"reach": 0}, "reach=0: it must be above 0"),
    ],
)
def test_a_wrong_option_is_named(analysis, settings, message, tmp_path):
    with pytest.raises(UserError) as caught:
        analysis(**{"pool": 50, **settings})(leaning(), tmp_path)
    assert message in str(caught.value)


def test_a_concept_is_parsed_and_printed():
    assert str(parse_concept("thick-class3", "")) == "thick-class3"
    assert parse_concept([1, 2, 3], "") == Concept(samples=(1, 2, 3))
    assert parse_concept("left-classA", "").with_classes({"A": 4}) == Concept(attributes=("left", "class4"))
