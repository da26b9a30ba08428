"""Clips of people with landmarks beside their frames, and what is refused of them."""

import json

import numpy as np
import pytest
from PIL import Image

from ganexp.data.landmarks.fitting import fitted_landmarks
from ganexp.data.puppets.clips import write_clips
from ganexp.data.sources import head_clips
from ganexp.errors import UserError
from ganexp.image_size import ImageSize

FRAMES = 3


def clips(root, split="train", **settings):
    return head_clips(split, str(root), **{"image_size": 16, "channels": 3, "landmarks": 14, **settings})


@pytest.fixture
def folder(tmp_path):
    """Two people with a clip each."""
    write_clips(tmp_path / "clips", people=2, clips=1, frames=FRAMES, image_size=16)
    return tmp_path / "clips"


def frame(folder, number):
    return np.asarray(Image.open(folder / "0000" / "clip0" / f"{number:05d}.png"))


def test_a_pair_is_two_frames_of_one_clip_with_their_landmarks(folder):
    pairs = clips(folder, frames=5)
    assert len(pairs) == 5
    for index in range(5):
        source, target = pairs.chosen(index)
        assert source != target
        assert np.array_equal(pairs[index][0].input.values[..., :3], frame(folder, source))
        assert np.array_equal(pairs[index][0].target, frame(folder, target))
    assert "clip0 (frames" in pairs.name(0)


def test_json_and_npy_are_alike(folder):
    expected = clips(folder)[0][0].input.values
    path = folder / "0000" / "clip0" / "landmarks.npy"
    path.with_suffix(".json").write_text(json.dumps(np.load(path).tolist()))
    path.unlink()
    assert np.array_equal(clips(folder)[0][0].input.values, expected)


def test_people_without_splits_are_divided_and_folders_of_splits_are_the_splits(folder):
    assert {clip.place.parent.name for clip in clips(folder).clips} == {"0000"}
    assert {clip.place.parent.name for clip in clips(folder, "test").clips} == {"0001"}
    for split, person in (("train", "0001"), ("test", "0000")):
        (folder / split).mkdir()
        (folder / person).rename(folder / split / person)
    assert {clip.place.parent.name for clip in clips(folder).clips} == {"0001"}


def test_a_video_is_a_clip(folder):
    write_frames = pytest.importorskip("imageio_ffmpeg").write_frames
    place = folder / "0000" / "clip0"
    video = write_frames(str(place.with_suffix(".mp4")), (16, 16), macro_block_size=1, ffmpeg_log_level="error")
    video.send(None)
    pictures = [frame(folder, number) for number in range(FRAMES)]
    for picture in pictures:
        video.send(picture.tobytes())
    video.close()
    (place / "landmarks.npy").rename(place.with_suffix(".npy"))
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    pairs = clips(folder)
    read = pairs[0][0].target.astype(int)
    differences = [np.abs(read - picture).mean() for picture in pictures]
    assert int(np.argmin(differences)) == pairs.chosen(0)[1]


def test_landmarks_follow_the_resizing_and_the_crop():
    corners = np.array([[0.0, 0.0], [40.0, 20.0], [20.0, 10.0]])
    assert fitted_landmarks(corners, (40, 20), ImageSize(10, 10)).tolist() == [[-5, 0], [15, 10], [5, 5]]


def changed(change):
    def apply(folder):
        path = folder / "0000" / "clip0" / "landmarks.npy"
        np.save(path, change(np.load(path)))

    return apply


def outside(landmarks):
    landmarks[1, 3] = (17, 2)
    return landmarks


def incomplete(landmarks):
    landmarks[2, 5] = np.nan
    return landmarks


def remove(folder):
    (folder / "0000" / "clip0" / "landmarks.npy").unlink()


def one_frame(folder):
    for number in range(1, FRAMES):
        (folder / "0000" / "clip0" / f"{number:05d}.png").unlink()
    changed(lambda landmarks: landmarks[:1])(folder)


def text(folder):
    remove(folder)
    (folder / "0000" / "clip0" / "landmarks.json").write_text('{"left": "here"}')


def long_number(folder):
    remove(folder)
    (folder / "0000" / "clip0" / "landmarks.json").write_text(f"[[[1, {10**400}]]]")


def wide(folder):
    for path in (folder / "0000" / "clip0").glob("*.png"):
        Image.new("RGB", (64, 16)).save(path)


def unequal(folder):
    Image.new("RGB", (20, 20)).save(folder / "0000" / "clip0" / "00002.png")


MISTAKES = {
    "missing": (remove, r"clip0 has no landmarks: \S*landmarks.npy or \S*landmarks.json is missing"),
    "another number": (changed(lambda values: values[:, :5]), "has 5 landmarks in each frame, where 14 are expected"),
    "outside": (changed(outside), r"landmark 3 of frame 1 is at \(17, 2\), outside of the picture of 16x16 pixels"),
    "incomplete": (changed(incomplete), "frame 2 has no landmark 5; leave out frames that are not complete"),
    "other frames": (changed(lambda values: values[:2]), "has the landmarks of 2 frames, and there are 3 frames"),
    "one frame": (one_frame, "has one frame: a clip has two or more"),
    "another shape": (changed(lambda values: values[..., :1]), r"has the shape \(3, 14, 1\); expected landmarks.npy"),
    "no numbers": (text, "is no file of landmarks"),
    "a number of 401 digits": (long_number, "is no file of landmarks"),
    "cropped away": (wide, "landmark 0 of frame 0 is cropped away: of pictures of 64x16 pixels"),
}


@pytest.mark.parametrize(("spoil", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_that_names_the_file(folder, spoil, complaint):
    spoil(folder)
    with pytest.raises(UserError, match=complaint) as caught:
        clips(folder)
    assert "\n" not in str(caught.value)
    assert "clip0" in str(caught.value)


def test_a_frame_of_another_size_and_one_person_alone_are_refused(folder):
    unequal(folder)
    pairs = clips(folder)
    assert any(2 in pairs.chosen(index) for index in range(len(pairs)))
    with pytest.raises(UserError, match="frame 2 has 20x20 pixels, the first 16x16"):
        [pairs[index] for index in range(len(pairs))]
    (folder / "0001").rename(folder.parent / "0001")
    with pytest.raises(UserError, match=r"has one person, 0000: .* two or more are needed"):
        clips(folder)
