"""Nearest training images: exact, in blocks, with a verdict that detects planted copies but not honest samples."""

import json

import pytest
import torch
from torch import nn

from ganexp.analysis.memorization import NearestNeighbours
from ganexp.analysis.subject import HeldOut
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.representations.nearest_neighbours import (
    MEMORIZED,
    NEARER,
    NO_SIGN,
    Nearest,
    compare_distances,
    nearest,
    rows_at_once,
    singled_out,
    verdict,
)
from support.subjects import pictures, rng, subject, table


class Recalling(nn.Module):
    """Draws given images with a small change."""

    def __init__(self, images, change=0.02):
        super().__init__()
        self.images, self.change = to_signed_unit(images), change

    def forward(self, noise):
        which = (noise[:, 0].double() * 1e6).long() % len(self.images)
        shift = self.change * noise[:, 1:2].sign()[:, :, None, None]
        return (self.images[which] + shift).clamp(-1, 1)


def analyze(generator, out, training=None, **settings):
    training = pictures(400, 1) if training is None else training
    return NearestNeighbours(samples=200, k=3, shown=4)(subject(generator, training, **settings), out)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_neighbours_are_those_of_the_whole_distance_matrix(size):
    rows, queries = torch.randn(100, 5, generator=rng(1)), torch.randn(30, 5, generator=rng(2))
    neighbours = nearest(queries, rows.split(size), 4)
    expected = torch.cdist(queries.double(), rows.double()).sort(1)
    assert torch.allclose(neighbours.distances, expected.values[:, :4])
    assert torch.equal(neighbours.positions, expected.indices[:, :4])


@pytest.mark.parametrize("values", [5, 64, 160])
def test_the_distances_do_not_depend_on_the_size_of_blocks(values, monkeypatch):
    # Blocks of one, four and ten images of 16 pixels.
    rows, queries = pictures(90, 1).flatten(1), pictures(25, 2).flatten(1)
    whole = nearest(queries, [rows], 3)
    monkeypatch.setattr("ganexp.representations.nearest_neighbours.MOST_VALUES", values)
    for batches in ([rows], rows.split(11)):
        neighbours = nearest(queries, batches, 3)
        assert torch.equal(neighbours.distances, whole.distances)
        assert torch.equal((rows[neighbours.positions].double() - queries[:, None]).norm(dim=2), whole.distances)


def test_blocks_of_larger_images_are_smaller():
    sizes = [rows_at_once(3 * side * side) for side in (8, 32, 128, 1024)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= 1024
    assert sizes[-1] == 1


def test_equal_pixels_have_distance_0_and_own_positions_are_excluded():
    rows = pictures(50, 1).flatten(1)
    assert torch.equal(nearest(rows, rows.split(8), 1).distances, torch.zeros(50, 1, dtype=torch.float64))
    others = nearest(rows[[3, 40]], rows.split(8), 1, torch.tensor([3, 40]))
    assert (others.distances > 0).all()
    assert not set(others.positions.flatten().tolist()) & {3, 40}


def test_the_auc_is_the_probability_to_be_nearer_and_its_error_that_of_the_bootstrap():
    samples, others = torch.rand(300, generator=rng(1)) * 0.9, torch.rand(200, generator=rng(2))
    comparison = compare_distances(samples, others)
    pairs = (samples[:, None] < others).double() + 0.5 * (samples[:, None] == others).double()
    assert comparison.auc == pytest.approx(float(pairs.mean()))
    assert comparison.copied == float((samples < torch.quantile(others.double(), 0.01)).double().mean())
    draw = rng(3)
    bootstrapped = [
        pairs[torch.randint(300, (300,), generator=draw)][:, torch.randint(200, (200,), generator=draw)].mean()
        for _ in range(300)
    ]
    assert comparison.error == pytest.approx(float(torch.stack(bootstrapped).std()), rel=0.15)
    assert compare_distances(torch.ones(9), torch.ones(5)).auc == 0.5


@pytest.mark.parametrize("held_out", [None, pictures(300, 2)], ids=["leave one out", "held out"])
def test_a_memorizing_generator_is_detected_and_an_honest_one_is_not(held_out, tmp_path):
    training = pictures(400, 1)
    memorizing = analyze(Recalling(training), tmp_path, training, held_out=held_out)
    honest = analyze(Recalling(pictures(5000, 3), change=0), tmp_path, training, held_out=held_out)
    for space in ("pixels", "features"):
        assert memorizing[f"{space}_verdict"] == MEMORIZED
        assert memorizing[f"{space}_auc"] == 1
        assert honest[f"{space}_verdict"] == NO_SIGN
        assert abs(honest[f"{space}_auc"] - 0.5) < 3 * honest[f"{space}_auc_error"]
    json.dumps(memorizing)


class Grey(nn.Module):
    """Draws images without contrast, which are near all others."""

    def forward(self, noise):
        return 0.02 * noise[:, :1, None, None].expand(-1, 1, 4, 4)


def test_a_generator_of_grey_images_is_nearer_but_copies_none(tmp_path):
    # A quarter of the images has little contrast, as is usual for photographs.
    training = pictures(400, 1)
    training[:100] = 128 + (training[:100].int() - 128) // 4
    figures = analyze(Grey(), tmp_path, training)
    for space in ("pixels", "features"):
        assert figures[f"{space}_auc"] > 0.8
        assert figures[f"{space}_copied_share"] == 0
        assert figures[f"{space}_verdict"] == NEARER


def test_only_a_neighbour_much_nearer_than_the_others_is_singled_out():
    distances = torch.tensor([[1.0, 10, 10, 10], [9.0, 10, 10, 10], [0.0, 0, 0, 0], [4.9, 4.9, 15, 15]])
    neighbours = Nearest(distances, torch.zeros(4, 4, dtype=torch.long))
    assert singled_out(neighbours).tolist() == [True, False, False, True]
    assert compare_distances(distances[:, 0], torch.full((9,), 20.0), singled_out(neighbours)).copied == 0.5
    assert compare_distances(distances[:, 0], torch.full((9,), 20.0)).copied == 1


@pytest.mark.parametrize("spread", [0.9, 0.7])
def test_typical_samples_are_nearer_without_being_called_copies(spread):
    # Samples near the centre of a normal distribution are nearer to its points than these are to each other.
    cloud = torch.randn(500, 20, generator=rng(1))
    own = nearest(cloud, [cloud], 1, torch.arange(500)).distances[:, 0]
    typical = compare_distances(
        nearest(torch.randn(300, 20, generator=rng(2)) * spread, [cloud], 1).distances[:, 0], own
    )
    assert typical.auc > 0.6
    assert verdict(typical) == NEARER


def test_planted_near_duplicates_are_counted(tmp_path):
    training = pictures(400, 1)
    training[200:260] = (training[:60].int() + torch.randint(-3, 4, (60, 1, 4, 4), generator=rng(4))).clamp(0, 255)
    figures = analyze(Recalling(pictures(50, 3)), tmp_path, training)
    assert figures["near_duplicate_share_of_training"] == 120 / 400


@pytest.mark.parametrize(
    ("settings", "parts", "message"),
    [
        ({"k": 0}, {}, "k=0: it must be 1 or more"),
        ({"samples": 1}, {}, "samples=1: it must be 2 or more"),
        ({"tolerance": 2}, {}, "tolerance=2: a share"),
        ({"k": 9}, {"training": pictures(9, 1)}, "k=9: the training set has 9 images; ask for fewer neighbours"),
        (
            {},
            {"load_held_out": lambda: HeldOut(table(torch.zeros(9, 3, 8, 8, dtype=torch.uint8)), "")},
            "samples 1x4x4, training images 1x4x4, held-out images 3x8x8",
        ),
        ({}, {"held_out": pictures(1, 2)}, "held-out images: others are too few to compare with; give two or more"),
    ],
)
def test_a_wrong_option_or_data_set_is_named(settings, parts, message, tmp_path):
    with pytest.raises(UserError) as caught:
        NearestNeighbours(**settings)(subject(**parts), tmp_path)
    assert message in str(caught.value)
