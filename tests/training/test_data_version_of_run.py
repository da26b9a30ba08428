"""The version of the training data: recorded in the run's folder and its scores, compared when the run is resumed."""

import pytest
from PIL import Image

from ganexp.records import changes, summary
from ganexp.records.data_version import recorded_version
from support.runs import NETWORKS, UNSCORED


@pytest.fixture
def data(here):
    """The arguments of a folder of images."""
    (here / "images").mkdir()
    for number in range(32):
        Image.new("L", (8, 8), 8 * number).save(here / "images" / f"{number}.png")
    sizes = ["data.image_size=8", "data.channels=1", "data.batch_size=32"]
    return [*UNSCORED, *NETWORKS, "data=image_folder", "data.root=images", *sizes]


@pytest.mark.slow
def test_a_run_that_is_resumed_with_other_images_says_so(ganexp, here, data):
    assert ganexp(*data, "images=32", "run_dir=run").status == 0
    first = recorded_version(summary.read(here / "run"))
    assert first is not None
    assert first.startswith("content:")
    same = ganexp("resume=run", "images=64")
    assert (same.status, "not the images" in same.err) == (0, False)
    Image.new("L", (8, 8), 200).save(here / "images" / "0.png")
    other = ganexp("resume=run", "images=96")
    assert other.status == 0
    second = recorded_version(summary.read(here / "run"))
    log = (here / "run" / "log.txt").read_text()
    assert f"data: not the images that the run was trained on until now: {first} before, now {second}" in log
    (change,) = changes.recorded(summary.read(here / "run"))
    assert (change.images, change.setting, change.before, change.after) == (64, "data", first, second)
