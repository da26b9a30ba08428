"""Paths between latents: their points, and the smoothness of the images along them."""

import pytest
import torch
from PIL import Image
from torch import nn

from ganexp.analysis.embeddings import mixed_labels
from ganexp.analysis.interpolation import (
    crossfade,
    equal_distances,
    equally_spaced,
    leap,
    lerp,
    points_along,
    slerp,
    smoothness,
)
from ganexp.analysis.walk import Walk, farther_from_real
from ganexp.errors import UserError
from support.subjects import Linear, rng, subject

SHARES = torch.linspace(0, 1, 9)


def test_slerp_stays_on_the_sphere_at_equal_angles():
    a, b = torch.nn.functional.normalize(torch.randn(2, 50, generator=rng(), dtype=torch.float64)) * 3
    points = slerp(a, b, SHARES.double())
    assert torch.allclose(points.norm(dim=1), torch.full((9,), 3.0, dtype=torch.float64))
    assert torch.allclose(points[[0, -1]], torch.stack([a, b]))
    angles = torch.arccos((points[1:] * points[:-1]).sum(1) / 9)
    assert torch.allclose(angles, angles.mean().expand(8))


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_slerp_without_an_angle_is_lerp(sign):
    a = torch.ones(4)
    assert torch.equal(slerp(a, sign * a, SHARES), lerp(a, sign * a, SHARES))


def test_a_path_passes_through_its_anchors():
    anchors = torch.randn(4, 5, generator=rng())
    for interpolate in (lerp, slerp):
        points = points_along(anchors, equally_spaced(3, 7), interpolate)
        assert points.shape == (22, 5)
        assert torch.allclose(points[::7], anchors, atol=1e-6)
        assert torch.allclose(points[8:14], interpolate(anchors[1], anchors[2], torch.arange(1, 7) / 7), atol=1e-6)


def test_smoothness_in_closed_form():
    even = smoothness(torch.arange(6.0)[:, None] * torch.tensor([3.0, 4.0]))
    assert even.jump == pytest.approx(1)
    assert even.length == pytest.approx(25)
    assert smoothness(torch.tensor([[0.0], [0], [0], [2], [2]])).jump == pytest.approx(4)
    assert smoothness(torch.zeros(5, 2)).jump == 1


def test_the_straight_path_of_a_linear_generator_is_a_crossfade():
    anchors = torch.randn(3, 6, generator=rng())
    positions = equally_spaced(2, 10)
    drawn = Linear()(points_along(anchors, positions)).detach()
    assert torch.allclose(drawn, crossfade(drawn[::10])(positions), atol=1e-6)
    for part in (drawn[:11], drawn[10:]):
        even = smoothness(part.flatten(1))
        assert even.jump == pytest.approx(1, abs=1e-4)
        assert even.length == pytest.approx(float((part[-1] - part[0]).norm()), rel=1e-4)


def test_a_path_off_the_real_images_is_farther_from_them():
    circle = torch.stack([torch.arange(0, 6.28, 0.01).cos(), torch.arange(0, 6.28, 0.01).sin()], 1)
    anchors = torch.tensor([[1.1, 0.0], [0.0, 1.1], [-1.1, 0.0]])
    across = points_along(anchors, equally_spaced(2, 10))
    around = 1.1 * torch.stack([torch.linspace(0, 3.14, 21).cos(), torch.linspace(0, 3.14, 21).sin()], 1)
    inner = torch.arange(21) % 10 != 0
    assert farther_from_real(around[inner], anchors, circle) == pytest.approx(1, abs=0.02)
    assert farther_from_real(across[inner], anchors, circle) > 1.2


def slowed(positions):
    """A path that starts slowly and ends fast."""
    return torch.stack([positions**3, torch.zeros_like(positions)], 1)


def broken(positions):
    """A path that jumps by 5 at 0.7."""
    return torch.stack([positions, 5.0 * (positions >= 0.7)], 1)


def rows(points):
    return points


def test_steps_at_equal_distances_are_even_for_a_path_of_uneven_speed():
    positions = equally_spaced(1, 64)
    assert smoothness(slowed(equally_spaced(1, 8))).jump > 2
    chosen = equal_distances(positions, slowed(positions), 8)
    assert smoothness(slowed(chosen)).jump == pytest.approx(1, abs=0.01)
    assert chosen[[0, -1]].tolist() == [0, 1]
    assert (chosen[1:] > chosen[:-1]).all()


def test_no_choice_of_steps_hides_a_discontinuity():
    positions = equally_spaced(1, 64)
    chosen = equal_distances(positions, broken(positions), 8)
    assert smoothness(broken(chosen)).jump > 4
    for steps in (8, 64, 512):
        assert leap(broken, rows, equally_spaced(1, steps)) > 0.95


def test_the_leap_of_a_smooth_path_tends_to_an_eighth_for_small_steps():
    leaps = [leap(slowed, rows, equally_spaced(1, steps)) for steps in (2, 8, 32)]
    assert leaps == sorted(leaps, reverse=True)
    assert leaps[-1] == pytest.approx(1 / 8, abs=0.01)


def test_a_constant_path_has_no_leap_and_is_divided_into_equal_parts():
    positions = equally_spaced(2, 4)
    constant = torch.zeros(9, 3)
    assert torch.equal(equal_distances(positions, constant, 4), torch.linspace(0, 2, 5))
    assert leap(lambda positions: torch.zeros(len(positions), 3), rows, positions) == 1 / 8


class Contrasted(Linear):
    """Images of more contrast, in which rounding to bytes is negligible."""

    def forward(self, noise):
        return 4 * super().forward(noise)


class Broken(Linear):
    """A generator that is discontinuous where the first number of the noise is 0."""

    def forward(self, noise):
        return super().forward(noise) + 0.8 * noise[:, 0].sign()[:, None, None, None]


@pytest.mark.parametrize("even", [False, True])
def test_a_discontinuous_generator_is_distinguished_from_a_continuous_one(even, tmp_path):
    figures = {}
    for name, generator in {"linear": Contrasted(), "broken": Broken()}.items():
        figures[name] = Walk(walks=8, even=even)(subject(generator), tmp_path)
    for path in ("linear", "spherical"):
        assert figures["linear"][f"{path}_leap"] < 0.2
        assert figures["broken"][f"{path}_leap"] > 0.8
        assert figures["broken"][f"{path}_jump"] > 2 * figures["linear"][f"{path}_jump"]
    if even:  # The one step around an anchor cuts a corner, so that the others are above the mean.
        assert figures["linear"]["spherical_jump"] < 1.15


class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Embedding(3, 16), nn.Embedding(3, 16)
        self.unrelated = nn.Embedding(7, 16)

    def forward(self, noise, label):
        shift = self.unrelated(torch.zeros_like(label))
        return ((noise[:, :1] * self.one(label) + self.other(label) + shift) / 20).view(-1, 1, 4, 4)


def test_mixed_labels_are_single_labels_at_the_corners_and_linear_in_between():
    generator, noise = Conditional(), torch.randn(4, 6, generator=rng())
    with torch.no_grad():
        single = [generator(noise, torch.full((4,), label)) for label in range(3)]
        for mixture in torch.tensor([[1.0, 0, 0], [0, 0, 1], [0.25, 0.75, 0]]):
            with mixed_labels(generator, mixture.expand(4, 3)) as labels:
                drawn = generator(noise, labels)
            assert torch.allclose(drawn, sum(w * image for w, image in zip(mixture, single, strict=True)), atol=1e-6)
        assert torch.equal(generator(noise, torch.tensor([1] * 4)), single[1])


def test_labels_cannot_be_mixed_without_an_embedding():
    with pytest.raises(UserError, match="embedding"), mixed_labels(nn.Linear(1, 1), torch.eye(3)):
        pass


def test_a_walk_of_a_conditional_generator_has_a_path_through_its_classes(tmp_path):
    figures = Walk(walks=3, steps=4)(subject(Conditional(), num_classes=3), tmp_path)
    assert figures["classes_jump"] >= 1
    # Three classes in two segments of four steps: nine images of 4x4, enlarged 16 times, with their frames.
    assert Image.open(tmp_path / "classes.png").size == (16 * (9 * 5 + 1), 16 * (3 * 5 + 1))


@pytest.mark.parametrize("animation", ["gif", "webp"])
def test_the_animation_plays_forwards_and_backwards(tmp_path, animation):
    Walk(anchors=[5, 130, 2], steps=4, animation=animation)(subject(), tmp_path)
    # Pillow merges equal consecutive frames, so that there may be fewer.
    assert 8 < Image.open(tmp_path / f"walk.{animation}").n_frames <= 16


@pytest.mark.parametrize(
    ("settings", "message"),
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
def test_a_wrong_option_is_named(settings, message, tmp_path):
    with pytest.raises(UserError) as caught:
        Walk(**settings)(subject(), tmp_path)
    assert message in str(caught.value)
