"""Drawn puppets: functions of their number, with exact landmarks, at any size."""

import numpy as np
import pytest
import torch

from ganexp.data.landmarks.planes import splatted
from ganexp.data.puppets.drawing import LANDMARKS, draw, signed_unit
from ganexp.data.puppets.parameters import identity, pose
from ganexp.data.sources import puppets
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.layers.landmarks import positions

SIZE = ImageSize(16, 16)
LEFT_RIGHT = [2, 1, 0, 4, 3, 7, 8, 5, 6, 9, 11, 10, 12, 13]
"""The landmarks of a mirrored face."""


def pixels(pair):
    return np.concatenate([pair.input.values, pair.target], axis=2)


def test_a_pair_is_a_function_of_the_seed_and_its_number():
    ones, same, others = (puppets("train", 16, seed=seed, people=3, frames=2) for seed in (0, 0, 1))
    assert len(ones) == 6
    for index in range(6):
        assert np.array_equal(pixels(ones[index][0]), pixels(same[index][0]))
        assert not np.array_equal(pixels(ones[index][0]), pixels(others[index][0]))
    assert ones.version != others.version
    assert len({pixels(ones[index][0]).tobytes() for index in range(6)}) == 6


def test_source_and_target_are_of_one_puppet_and_the_test_puppets_are_others():
    train, test = puppets("train", 16, people=50), puppets("test", 16, test_people=50)
    people = [{split.person(index) for index in range(len(split))} for split in (train, test)]
    assert [len(numbers) for numbers in people] == [50, 50]
    assert people[0].isdisjoint(people[1])


def test_all_landmarks_are_inside_of_the_picture():
    for number in range(300):
        places = signed_unit(draw(identity(0, number), pose(0, number, "source"), SIZE).landmarks, SIZE)
        assert places.shape == (len(LANDMARKS), 2)
        assert np.abs(places).max() < 1


@pytest.mark.parametrize("size", [(16, 16), (24, 40), (64, 32)])
def test_the_centres_of_mass_of_the_planes_are_the_landmarks(size):
    size = ImageSize(*size)
    landmarks = draw(identity(0, 1), pose(0, 1, "source"), size).landmarks
    planes = torch.from_numpy(splatted(landmarks, size)).permute(2, 0, 1)[None]
    read = positions(to_signed_unit(planes))[0].numpy()
    in_pixels = (read - signed_unit(landmarks, size)) * np.array([size.width, size.height]) / 2
    # Weights are rounded to 1/255.
    assert np.abs(in_pixels).max() < 0.01


def test_a_landmark_at_the_edge_is_moved_to_the_centre_of_the_outer_pixel():
    planes = splatted(np.array([[0.0, 0.2], [16.0, 16.0]]), SIZE)
    assert (planes[0, 0, 0], planes[15, 15, 1]) == (255, 255)
    assert planes.astype(int).sum() == 510


def test_a_mirrored_pose_has_mirrored_landmarks():
    one = pose(0, 5, "source")
    mirrored = one._replace(
        turn=-one.turn,
        tilt=-one.tilt,
        left_eye=one.right_eye,
        right_eye=one.left_eye,
        shift=(-one.shift[0], one.shift[1]),
    )
    places, reflected = (signed_unit(draw(identity(0, 5), held, SIZE).landmarks, SIZE) for held in (one, mirrored))
    assert reflected[LEFT_RIGHT] * [-1, 1] == pytest.approx(places, abs=1e-12)


def test_edges_are_antialiased_so_that_a_picture_is_the_mean_of_a_larger_one():
    small, large = (draw(identity(0, 2), pose(0, 2, "source"), ImageSize(side, side)) for side in (32, 256))
    mean = large.picture.reshape(32, 8, 32, 8, 3).mean((1, 3))
    assert np.abs(mean - small.picture).mean() < 2
    assert large.landmarks == pytest.approx(8 * small.landmarks)


def test_the_input_is_the_picture_the_drawing_of_its_landmarks_and_the_planes_of_the_target():
    grey, colour = (puppets("train", 16, channels)[3][0] for channels in (1, 3))
    assert (grey.input.values.shape, grey.target.shape) == ((16, 16, 16), (16, 16, 1))
    source, target = puppets("train", 16).source(3), puppets("train", 16).target(3)
    assert np.array_equal(colour.input.values[..., :3], source.picture)
    assert np.array_equal(colour.input.values[..., 3], splatted(source.landmarks, SIZE).max(axis=2))
    assert np.array_equal(colour.input.values[..., 4:], splatted(target.landmarks, SIZE))
    assert np.array_equal(colour.target, target.picture)


@pytest.mark.parametrize(("arguments", "complaint"), [
    ({"landmarks": 68}, "data.source.landmarks=68: puppets have 14 landmarks"),
    ({"channels": 4}, "data.channels=4: puppets are drawn in colour, 3 channels, or in grey, 1"),
    ({"split": "valid"}, "has no split 'valid'"),
])  # fmt: skip
def test_what_puppets_are_not_is_refused(arguments, complaint):
    with pytest.raises(UserError, match=complaint):
        puppets(**{"split": "train", "image_size": 16, **arguments})
