"""Ways between latents: where they lie, and how smooth what is drawn along them is."""

import pytest
import torch
from PIL import Image
from subjects import Linear, rng, subject
from torch import nn

from ganexp.analysis.embeddings import mixed_labels
from ganexp.analysis.walk import Walk, arc, crossfade, farther_from_real, line, path, smoothness
from ganexp.errors import UserError

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


def test_a_path_goes_through_its_anchors():
    anchors = torch.randn(4, 5, generator=rng())
    for between in (line, arc):
        points = path(anchors, 7, between)
        assert points.shape == (22, 5)
        assert torch.allclose(points[::7], anchors, atol=1e-6)


def test_smoothness_of_known_ways():
    even = smoothness(torch.arange(6.0)[:, None] * torch.tensor([3.0, 4.0]))
    assert even.jump == pytest.approx(1)
    assert even.length == pytest.approx(25)
    assert smoothness(torch.tensor([[0.0], [0], [0], [2], [2]])).jump == pytest.approx(4)
    assert smoothness(torch.zeros(5, 2)).jump == 1


def test_a_linear_generators_straight_way_is_a_crossfade():
    anchors = torch.randn(3, 6, generator=rng())
    drawn = Linear()(path(anchors, 10)).detach()
    assert torch.allclose(drawn, crossfade(drawn[::10], 10), atol=1e-6)
    for part in (drawn[:11], drawn[10:]):
        found = smoothness(part.flatten(1))
        assert found.jump == pytest.approx(1, abs=1e-4)
        assert found.length == pytest.approx(float((part[-1] - part[0]).norm()), rel=1e-4)


def test_what_lies_off_the_real_images_is_farther_from_them():
    circle = torch.stack([torch.arange(0, 6.28, 0.01).cos(), torch.arange(0, 6.28, 0.01).sin()], 1)
    anchors = torch.tensor([[[1.1, 0.0], [0.0, 1.1], [-1.1, 0.0]]])
    across = path(anchors[0], 10)[None]
    around = 1.1 * torch.stack([torch.linspace(0, 3.14, 21).cos(), torch.linspace(0, 3.14, 21).sin()], 1)[None]
    assert farther_from_real(around, circle, 10) == pytest.approx(1, abs=0.02)
    assert farther_from_real(across, circle, 10) > 1.2


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
