import os
import shutil

import numpy as np
import pytest
from PIL import Image

from ganexp.data.images import ImageData
from ganexp.data.sources import image_folder


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        path = tmp_path / "images" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path)
    return tmp_path / "images"


def version(folder, in_memory, image_size=8, num_classes=2):
    data = ImageData(
        lambda: image_folder(str(folder)), "toy", image_size, 1, num_classes, 2, 0, in_memory=in_memory, workers=0
    )
    data.setup()
    return data.data_version


@pytest.mark.parametrize(("in_memory", "kind"), [(True, "content:"), (False, "files:")])
def test_a_version_depends_on_the_images_alone(folder, tmp_path, in_memory, kind):
    before = version(folder, in_memory)
    assert before.startswith(kind)
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "further")
    for path in moved.rglob("*.png"):
        os.utime(path, (1, 1))
    assert version(moved, in_memory) == before
    assert version(folder, in_memory, image_size=4) != before
    assert version(folder, in_memory, num_classes=None) != before
    (folder / "dog" / "0.png").rename(folder / "cat" / "0.png")
    assert version(folder, in_memory) != before


def test_a_changed_pixel_changes_the_content_and_a_changed_size_the_files(folder):
    before = [version(folder, in_memory) for in_memory in (True, False)]
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "cat" / "1.png")
    after = [version(folder, in_memory) for in_memory in (True, False)]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_pictures_that_are_no_files_have_a_version_in_memory_only():
    class Own:
        classes = ()

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return Image.new("L", (8, 8), index), 0

    data = [ImageData(Own, "own", 8, 1, None, 2, 0, in_memory=kept, workers=0) for kept in (True, False)]
    for module in data:
        module.setup()
    assert data[0].data_version.startswith("content:")
    assert data[1].data_version is None
