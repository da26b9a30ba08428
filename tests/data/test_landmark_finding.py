"""Landmarks found by a detector: where they are written, what is refused, and MediaPipe's own on a real face."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ganexp.data.landmarks.clips import clips_below, clips_of, people_in
from ganexp.data.landmarks.detector import face_detector
from ganexp.data.landmarks.finding import files_to_write, write_landmarks
from ganexp.data.puppets.clips import write_clips
from ganexp.data.sources import head_clips
from ganexp.errors import UserError

FACE = np.array([(2.5, 1.5), (4.5, 1.5), (3.5, 4.5)])
"""The landmarks of the face of `picture`, from its corner."""


def picture(*corners, size=16):
    """A black picture with a face, a white rectangle of 7 x 6 pixels, at each corner (x, y)."""
    pixels = np.zeros((size, size, 3), np.uint8)
    for number, (x, y) in enumerate(corners):
        pixels[max(y, 0) : y + 6, max(x, 0) : x + 7] = 255 - number
    return pixels


def stand_in(frame):
    """Finds the faces of `picture`, also where a part of one is outside on the left."""
    faces = []
    for value in sorted(set(frame.ravel().tolist()) - {0}, reverse=True):
        rows, columns = np.nonzero(frame[..., 0] == value)
        left = columns.max() - 6
        faces.append(np.add(FACE, (left, rows.min())))
    return faces


def clip(folder, *frames):
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:05d}.png")
    return folder


def find(place, out=None, overwrite=False):
    write_landmarks(files_to_write(Path(place), out, overwrite), stand_in)


@pytest.fixture
def people(tmp_path):
    """Two people with a clip of two frames each, the second face one pixel to the right and two below the first."""
    for person in ("anna", "ben"):
        clip(tmp_path / "clips" / person / "walk", picture((3, 4)), picture((4, 6)))
    return tmp_path / "clips"


def test_head_clips_read_what_is_found_which_moves_with_the_face(people, capsys):
    find(people)
    assert "3 landmarks of each of 4 frames are beside 2 clips; data.source.landmarks=3" in capsys.readouterr().out
    (read,) = head_clips("train", str(people), 16, 3, landmarks=3).clips
    assert np.array_equal(read.landmarks[0], np.add(FACE, (3, 4)))
    assert np.array_equal(read.landmarks[1] - read.landmarks[0], [(1, 2)] * 3)


def test_a_picture_has_its_landmarks_in_a_file_of_its_name_or_the_one_given(people):
    frame = people / "anna" / "walk" / "00001.png"
    find(frame)
    find(frame, out=people / "new" / "points.npy")
    for path in (frame.with_suffix(".npy"), people / "new" / "points.npy"):
        assert np.array_equal(np.load(path), np.add(FACE, (4, 6))[None])


def test_existing_landmarks_are_kept_unless_they_are_to_be_replaced(people):
    kept = people / "anna" / "walk" / "landmarks.json"
    kept.write_text("[]")
    find(people)
    assert not kept.with_suffix(".npy").exists()
    assert (people / "ben" / "walk" / "landmarks.npy").is_file()
    with pytest.raises(UserError, match="landmarks are there already; replace them with overwrite=true"):
        find(people)
    find(people, overwrite=True)
    assert len(np.load(kept.with_suffix(".npy"))) == 2


def test_the_clips_of_a_folder_are_those_of_head_clips(tmp_path):
    write_clips(tmp_path / "clips", people=2, clips=2, frames=2, image_size=8)
    clip(tmp_path / "clips" / "flat", picture((3, 4)))
    (tmp_path / "clips" / "0001" / "talk.mp4").touch()
    expected = [place for person in people_in(tmp_path / "clips") for place in clips_of(person)]
    assert sorted(clips_below(tmp_path / "clips")) == sorted(expected)
    assert clips_below(tmp_path / "clips" / "flat") == [tmp_path / "clips" / "flat"]


def test_frames_without_one_whole_face_are_named_and_other_clips_are_written(people):
    whole = picture((3, 4))
    frames = (whole, picture(), picture((0, 0), (8, 8)), picture((-4, 4)), picture())
    clip(people / "cleo" / "run", *frames)
    with pytest.raises(UserError) as caught:
        find(people)
    assert str(caught.value) == (
        f"{people / 'cleo' / 'run'}: one whole face is expected in each frame; crop or remove 4 of 5: "
        "00001.png (no face); 00002.png (several faces); 00003.png (a part of a face); and 1 more"
    )
    assert not (people / "cleo" / "run" / "landmarks.npy").exists()
    assert (people / "ben" / "walk" / "landmarks.npy").is_file()
    (people / "dan").mkdir()
    (people / "cleo" / "run").rename(people / "dan" / "run")
    clip(people / "cleo" / "run", picture(), picture())
    with pytest.raises(UserError, match=r"^2 of 2 clips have no landmarks: .*cleo.*; .*dan"):
        find(people)


def test_places_without_clips_and_one_file_for_many_are_refused(people, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, complaint in {
        (tmp_path / "nowhere", None): "nowhere: does not exist",
        (tmp_path / "empty", None): "empty: has no pictures and no videos",
        (people, tmp_path / "all.npy"): "all.npy: is for one clip, and .* has 2",
    }.items():
        with pytest.raises(UserError, match=complaint):
            find(*arguments)


def test_a_missing_package_and_a_missing_model_are_one_line(ganexp, here, monkeypatch):
    Image.fromarray(picture((3, 4))).save(here / "face.png")
    command = ("data", "landmarks", "input=face.png")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert ganexp(*command).complaint.endswith("needs the package mediapipe: pip install 'ganexp[landmarks]'")
    monkeypatch.setitem(sys.modules, "mediapipe", SimpleNamespace(__version__="1.2.3"))
    assert "mediapipe 1.2.3 has no model in it: download face_landmarker.task" in ganexp(*command).complaint
    assert "model=other.task: no such file" in ganexp(*command, "points=all", "model=other.task").complaint
    assert "points=some: contours or all is expected" in ganexp(*command, "points=some").complaint
    assert "out=face.json: the name of a .npy file" in ganexp(*command, "out=face.json").complaint
    assert "face_landmarker.task" in ganexp("data", "landmarks", "--help").out


@pytest.mark.slow
def test_mediapipe_finds_a_face_where_it_is_moved_to():
    mediapipe = pytest.importorskip("mediapipe")
    data = pytest.importorskip("skimage.data")
    model = os.environ.get("FACE_LANDMARKER")
    if model is None and not hasattr(mediapipe, "solutions"):
        pytest.skip("this MediaPipe has no model in it: FACE_LANDMARKER=FILE.task")
    photograph = data.astronaut()
    with face_detector(model and Path(model), contours=False) as detector:
        ((first,), (moved,)) = (detector(photograph[y : y + 300, x : x + 300]) for x, y in ((70, 0), (60, 0)))
        assert detector(np.zeros_like(photograph)) == []
    assert first.shape == (478, 2)
    nose = first[1] + (70, 0)
    assert np.abs(nose - (224, 130)).max() < 8
    assert np.abs(moved - first - (10, 0))[:468].mean() < 1
