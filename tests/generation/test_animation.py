"""``ganexp animate``: the sample grids in the order of training."""

import sys

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
    (["out=.gif"], "out=.gif: the suffix selects the format"),
    (["out=x.gif", "rate=0"], "rate=0: it must be from 0.1 to 50 pictures in a second"),
    (["out=x.gif", "rate=-5"], "rate=-5: it must be from 0.1 to 50"),
    (["out=x.gif", "rate=0.001"], "rate=0.001: it must be from 0.1 to 50"),
    (["out=x.gif", "rate=nan"], "rate=nan: it must be from 0.1 to 50"),
    (["out=x.gif", "rate=1e9"], "rate=1e+09: it must be from 0.1 to 50"),
    (["out=folder.gif", "overwrite=true"], "out=folder.gif: it is a folder, and a file is expected, such as out="),
    (["out=x.gif", "most=1"], "most=1: it must be 2 or more"),
    (["out=kept.gif"], "out=kept.gif: exists already"),
    (["out=x.gif", "run=nowhere"], "run=nowhere: has no folder samples"),
])  # fmt: skip
def test_mistakes_are_one_line_and_leave_no_file(ganexp, here, grids, arguments, complaint):
    (here / "kept.gif").write_text("mine")
    (here / "folder.gif").mkdir()
    assert ganexp("animate", f"run={grids}", *arguments).complaint.startswith(complaint)
    assert sorted(path.name for path in here.iterdir()) == ["folder.gif", "kept.gif", "run"]
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


@pytest.mark.parametrize("suffix", ["gif", "webp", "mp4"])
@pytest.mark.parametrize("rate", [0.1, 50])
def test_every_accepted_rate_is_written(ganexp, grids, suffix, rate):
    if suffix == "mp4":
        pytest.importorskip("imageio_ffmpeg")
    outcome = ganexp("animate", f"run={grids}", f"out=training.{suffix}", f"rate={rate}")
    assert (outcome.status, outcome.err) == (0, "")


@pytest.mark.parametrize("suffix", ["gif", "webp", "mp4"])
def test_a_file_that_does_not_fit_on_the_disk_is_named_and_none_is_left(ganexp, here, grids, file_size_limit, suffix):
    if suffix == "mp4":
        pytest.importorskip("imageio_ffmpeg")
    file_size_limit(100)
    outcome = ganexp("animate", f"run={grids}", f"out=training.{suffix}")
    assert outcome.status != 0
    assert f".{suffix}" in outcome.complaint
    assert "unfinished" not in outcome.complaint
    assert sorted(path.name for path in here.iterdir()) == ["run"]


def test_a_missing_package_is_told_before_the_work(ganexp, monkeypatch):
    monkeypatch.setattr("ganexp.cli.animate.find_spec", lambda name: None)
    complaint = ganexp("animate", "run=nowhere", "out=x.mp4").complaint
    assert complaint.endswith("need the package imageio-ffmpeg: pip install 'ganexp[video]'; or choose .gif")


@pytest.fixture
def ffmpeg(here, monkeypatch):
    """Replaces ffmpeg by a shell script."""
    pytest.importorskip("imageio_ffmpeg")

    def replace(script):
        program = here / "run" / "ffmpeg"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))

    return replace


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize(("script", "reason"), [
    ("echo '[mp4 @ 0x1] [out @ 0x2] No space left on device' >&2; exit 1", "No space left on device"),
    ("cat > /dev/null; echo 'Error writing trailer' >&2; exit 228", "Error writing trailer"),
    ("exit 3", "status 3"),
    ("kill -9 $$", "ended by signal 9 (Killed)"),
])  # fmt: skip
def test_ffmpeg_that_fails_early_or_late_is_one_line_with_its_reason(ganexp, here, grids, ffmpeg, script, reason):
    ffmpeg(script)
    outcome = ganexp("animate", f"run={grids}", "out=training.mp4")
    assert outcome.complaint == f"out=….mp4: ffmpeg cannot write the video: {reason}"
    assert [path.name for path in here.iterdir()] == ["run"]


@pytest.mark.parametrize(("suffix", "side"), [("gif", 65_536), ("webp", 16_384)])
def test_pictures_larger_than_a_format_can_hold_are_refused(ganexp, grids, suffix, side):
    for path in (grids / "samples").iterdir():
        Image.new("L", (side, 1)).save(path)
    complaint = ganexp("animate", f"run={grids}", f"out=training.{suffix}").complaint
    assert f"out=….{suffix}: the pictures are of {side:,}x1 pixels, and this format has at most" in complaint


def test_equal_pictures_for_longer_than_a_gif_can_show_one_are_refused(ganexp, grids):
    for number in range(70):
        Image.new("L", (4, 4)).save(grids / "samples" / f"{number:08d}.png")
    complaint = ganexp("animate", f"run={grids}", "out=training.gif", "rate=0.1").complaint
    assert complaint.startswith("rate=0.1: equal pictures would be shown for more than the 655.35 seconds")


def test_a_gif_has_the_nearest_rate_that_it_can_have(ganexp, here, grids):
    assert ganexp("animate", f"run={grids}", "out=training.gif", "rate=36").status == 0
    with Image.open(here / "training.gif") as animation:
        assert animation.info["duration"] == 30
