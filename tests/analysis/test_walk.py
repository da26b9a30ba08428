"""Ways between latents: where they lie, and how smooth what is drawn along them is."""

import pytest
import torch
from PIL import Image
from torch import nn

from ganexp.analysis.embeddings import mixed_labels
from ganexp.analysis.interpolation import (
    along,
    arc,
    crossfade,
    equal_distances,
    equal_shares,
    leap,
    line,
    smoothness,
)
from ganexp.analysis.walk import Walk, farther_from_real
from ganexp.errors import UserError
from support.subjects import Linear, rng, subject

SHARES = torch.linspace(0, 1, 9)


def test_an_arc_stays_on_the_sphere_at_even_angles():
    a, b = torch.nn.functional.normalize(torch.randn(2, 50, generator=rng(), dtype=torch.float64)) * 3
    points = arc(a, b, SHARES.double())
    assert torch.allclose(points.norm(dim=1), torch.full((9,), 3.0, dtype=torch.float64))
    assert torch.allclose(points[[0, -1]], torch.stack([a, b]))
    angles = torch.arccos((points[1:] * points[:-1]).sum(1) / 9)
    assert torch.allclose(angles, angles.mean().expand(8))


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_an_arc_without_an_angle_is_the_line(sign):
    a = torch.ones(4)
    assert torch.equal(arc(a, sign * a, SHARES), line(a, sign * a, SHARES))


def test_a_way_goes_through_its_anchors():
    anchors = torch.randn(4, 5, generator=rng())
    for between in (line, arc):
        points = along(anchors, equal_shares(3, 7), between)
        assert points.shape == (22, 5)
        assert torch.allclose(points[::7], anchors, atol=1e-6)
        assert torch.allclose(points[8:14], between(anchors[1], anchors[2], torch.arange(1, 7) / 7), atol=1e-6)


def test_smoothness_of_known_ways():
    even = smoothness(torch.arange(6.0)[:, None] * torch.tensor([3.0, 4.0]))
    assert even.jump == pytest.approx(1)
    assert even.length == pytest.approx(25)
    assert smoothness(torch.tensor([[0.0], [0], [0], [2], [2]])).jump == pytest.approx(4)
    assert smoothness(torch.zeros(5, 2)).jump == 1


def test_a_linear_generators_straight_way_is_a_crossfade():
    anchors = torch.randn(3, 6, generator=rng())
    places = equal_shares(2, 10)
    drawn = Linear()(along(anchors, places)).detach()
    assert torch.allclose(drawn, crossfade(drawn[::10])(places), atol=1e-6)
    for part in (drawn[:11], drawn[10:]):
        found = smoothness(part.flatten(1))
        assert found.jump == pytest.approx(1, abs=1e-4)
        assert found.length == pytest.approx(float((part[-1] - part[0]).norm()), rel=1e-4)


def test_what_lies_off_the_real_images_is_farther_from_them():
    circle = torch.stack([torch.arange(0, 6.28, 0.01).cos(), torch.arange(0, 6.28, 0.01).sin()], 1)
    anchors = torch.tensor([[1.1, 0.0], [0.0, 1.1], [-1.1, 0.0]])
    across = along(anchors, equal_shares(2, 10))
    around = 1.1 * torch.stack([torch.linspace(0, 3.14, 21).cos(), torch.linspace(0, 3.14, 21).sin()], 1)
    inner = torch.arange(21) % 10 != 0
    assert farther_from_real(around[inner], anchors, circle) == pytest.approx(1, abs=0.02)
    assert farther_from_real(across[inner], anchors, circle) > 1.2


def slowed(places):
    """A way that starts slowly and ends fast."""
    return torch.stack([places**3, torch.zeros_like(places)], 1)


def broken(places):
    """A way that leaps by 5 at 0.7."""
    return torch.stack([places, 5.0 * (places >= 0.7)], 1)


def rows(points):
    return points


def test_steps_at_equal_distances_are_even_however_uneven_the_way():
    places = equal_shares(1, 64)
    assert smoothness(slowed(equal_shares(1, 8))).jump > 2
    chosen = equal_distances(places, slowed(places), 8)
    assert smoothness(slowed(chosen)).jump == pytest.approx(1, abs=0.01)
    assert chosen[[0, -1]].tolist() == [0, 1]
    assert (chosen[1:] > chosen[:-1]).all()


def test_no_choice_of_steps_takes_a_break_away():
    places = equal_shares(1, 64)
    chosen = equal_distances(places, broken(places), 8)
    assert smoothness(broken(chosen)).jump > 4
    for steps in (8, 64, 512):
        assert leap(broken, rows, equal_shares(1, steps)) > 0.95


def test_a_smooth_ways_largest_step_is_no_leap_and_the_less_the_smaller_the_steps():
    found = [leap(slowed, rows, equal_shares(1, steps)) for steps in (2, 8, 32)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(1 / 8, abs=0.01)


def test_a_way_that_never_changes_has_no_leap_and_is_divided_into_equal_shares():
    places = equal_shares(2, 4)
    still = torch.zeros(9, 3)
    assert torch.equal(equal_distances(places, still, 4), torch.linspace(0, 2, 5))
    assert leap(lambda places: torch.zeros(len(places), 3), rows, places) == 1 / 8


class Contrasted(Linear):
    """Images of more contrast, in which rounding to bytes hardly counts."""

    def forward(self, noise):
        return 4 * super().forward(noise)


class Broken(Linear):
    """A generator of two halves that do not meet."""

    def forward(self, noise):
        return super().forward(noise) + 0.8 * noise[:, 0].sign()[:, None, None, None]


@pytest.mark.parametrize("even", [False, True])
def test_a_generator_that_leaps_is_told_from_one_that_does_not(even, tmp_path):
    seen = {}
    for name, generator in {"linear": Contrasted(), "broken": Broken()}.items():
        seen[name] = Walk(walks=8, even=even)(subject(generator), tmp_path)
    for way in ("linear", "spherical"):
        assert seen["linear"][f"{way}_leap"] < 0.2
        assert seen["broken"][f"{way}_leap"] > 0.8
        assert seen["broken"][f"{way}_jump"] > 2 * seen["linear"][f"{way}_jump"]
    if even:  # The one step around an anchor cuts a corner, so that the others are above the mean.
        assert seen["linear"]["spherical_jump"] < 1.15


class Told(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Embedding(3, 16), nn.Embedding(3, 16)
        self.unrelated = nn.Embedding(7, 16)

    def forward(self, noise, label):
        shift = self.unrelated(torch.zeros_like(label))
        return ((noise[:, :1] * self.one(label) + self.other(label) + shift) / 20).view(-1, 1, 4, 4)


def test_mixed_labels_are_whole_labels_at_the_corners_and_between_them_linear():
    generator, noise = Told(), torch.randn(4, 6, generator=rng())
    with torch.no_grad():
        whole = [generator(noise, torch.full((4,), label)) for label in range(3)]
        for mixture in torch.tensor([[1.0, 0, 0], [0, 0, 1], [0.25, 0.75, 0]]):
            with mixed_labels(generator, mixture.expand(4, 3)) as labels:
                drawn = generator(noise, labels)
            assert torch.allclose(drawn, sum(w * image for w, image in zip(mixture, whole, strict=True)), atol=1e-6)
        assert torch.equal(generator(noise, torch.tensor([1] * 4)), whole[1])


def test_labels_cannot_be_mixed_without_an_embedding():
    with pytest.raises(UserError, match="embedding"), mixed_labels(nn.Linear(1, 1), torch.eye(3)):
        pass


def test_a_walk_of_a_conditional_generator_has_a_way_through_its_classes(tmp_path):
    figures = Walk(walks=3, steps=4)(subject(Told(), num_classes=3), tmp_path)
    assert figures["classes_jump"] >= 1
    # Three classes in two legs of four steps: nine images of 4x4, enlarged 16 times, with their frames.
    assert Image.open(tmp_path / "classes.png").size == (16 * (9 * 5 + 1), 16 * (3 * 5 + 1))


@pytest.mark.parametrize("animation", ["gif", "webp"])
def test_the_animation_goes_there_and_back(tmp_path, animation):
    Walk(anchors=[5, 130, 2], steps=4, animation=animation)(subject(), tmp_path)
    # Neighbouring frames that are equal are kept as one by Pillow, so that there may be fewer.
    assert 8 < Image.open(tmp_path / f"walk.{animation}").n_frames <= 16


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"anchors": [1]}, "anchors=[1]: give two numbers"),
        ({"anchors": 3}, "anchors=3: give two numbers"),
        ({"steps": 1}, "steps=1: it must be 2 or more"),
        ({"walks": 0}, "walks=0: it must be 1 or more"),
        ({"animation": "mp4"}, "animation=mp4: choose one of gif, webp"),
        ({"anchors": [1, -3]}, "[-3]: samples have the numbers 0 to 999,999"),
        ({"anchors": [1, 10**6]}, "[1000000]: samples have the numbers 0 to 999,999"),
    ],
)
def test_what_is_wrong_is_named(settings, answer, tmp_path):
    with pytest.raises(UserError) as caught:
        Walk(**settings)(subject(), tmp_path)
    assert answer in str(caught.value)
