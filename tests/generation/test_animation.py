"""``ganexp animate``: the sample grids in the order of training."""

import pytest
from PIL import Image, ImageSequence

from ganexp.generation.animation import evenly_chosen


@pytest.fixture
def grids(here):
    """A run's folder with five grids of growing brightness, whose numbers are not in alphabetical order."""
    folder = here / "run" / "samples"
    folder.mkdir(parents=True)
    for number, images in enumerate((0, 20, 100, 99999980, 100000000)):
        Image.new("RGB", (15, 8), (50 * number,) * 3).save(folder / f"{images:08d}.png")
    Image.new("RGB", (15, 8), "red").save(folder / "latest.png")
    return here / "run"


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_the_grids_follow_each_other_by_images_seen(ganexp, here, grids, suffix):
    outcome = ganexp("animate", f"run={grids}", f"out=training.{suffix}", "rate=4")
    assert outcome.out == f"training.{suffix}: 5 pictures, from 0 to 100,000,000 images seen, 4 in a second\n"
    with Image.open(here / f"training.{suffix}") as animation:
        pictures = [frame.convert("RGB").getpixel((3, 3))[0] for frame in ImageSequence.Iterator(animation)]
        assert animation.info.get("duration", 250) == 250
    assert pictures == [0, 50, 100, 150, 200]
    assert [path.name for path in here.iterdir() if path.is_file()] == [f"training.{suffix}"]


def test_few_of_many_are_chosen_evenly_with_the_first_and_the_last():
    assert evenly_chosen(range(101), 3) == [0, 50, 100]
    assert evenly_chosen(range(3), 5) == [0, 1, 2]


def test_a_video_has_even_sides(ganexp, here, grids):
    pytest.importorskip("imageio_ffmpeg")
    from imageio_ffmpeg import read_frames

    assert ganexp("animate", f"run={grids}", "out=training.mp4").status == 0
    assert next(read_frames(here / "training.mp4"))["size"] == (16, 8)


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["out=x.avi"], "out=x.avi: the suffix selects the format; choose one of .gif, .webp, .mp4"),
    (["out=x.gif", "rate=0"], "rate=0.0: it must be above 0"),
    (["out=x.gif", "most=1"], "most=1: it must be 2 or more"),
    (["out=kept.gif"], "out=kept.gif: exists already"),
    (["out=x.gif", "run=nowhere"], "run=nowhere: has no folder samples"),
])  # fmt: skip
def test_mistakes_are_one_line_and_leave_no_file(ganexp, here, grids, arguments, complaint):
    (here / "kept.gif").write_text("mine")
    assert ganexp("animate", f"run={grids}", *arguments).complaint.startswith(complaint)
    assert sorted(path.name for path in here.iterdir()) == ["kept.gif", "run"]
    assert (here / "kept.gif").read_text() == "mine"


def test_one_grid_is_no_animation_and_a_broken_one_is_named(ganexp, grids):
    broken = grids / "samples" / "00000020.png"
    broken.write_text("no picture")
    assert "00000020.png: cannot be read: empty or not an image" in (
        ganexp("animate", f"run={grids}", "out=x.gif").complaint
    )
    for path in sorted((grids / "samples").iterdir())[1:]:
        path.unlink()
    assert "has 1 sample grids, and an animation needs two" in ganexp("animate", f"run={grids}", "out=x.gif").complaint
