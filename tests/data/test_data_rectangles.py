"""Data of rectangles: crops, the size that they are cropped from, inspection."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.config.composition import load_size
from ganexp.data import sources
from ganexp.data.images import ImageData
from ganexp.data.translation.augmentation import CropAndFlip, center_crop
from ganexp.data.translation.module import PairedData
from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.inspection.duplicates import Duplicates
from ganexp.inspection.inspect import inspect


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five pictures, two of which are not of the shape of the others."""
    root = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    for number, (width, height) in enumerate([(32, 16), (48, 24), (33, 16), (16, 32), (16, 16)]):
        noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"{number}.png")
    return root


def images(folder, size):
    source = lambda: sources.image_folder(str(folder))  # noqa: E731
    return ImageData(source, "wide", size, channels=3, num_classes=None, batch_size=2, seed=0)


def test_batches_have_the_height_and_width_of_the_setting(folder, caplog):
    caplog.set_level("INFO")
    data = images(folder, [8, 16])
    data.setup()
    assert data.dataset.images.shape == (5, 3, 8, 16)
    assert "5 images of 3x8x16, decoded into memory (0.0 MB), resize bicubic 5 different sizes -> 16x8 (width x" in (
        caplog.text
    )


def test_the_inspection_names_what_is_cropped_by_half_and_shows_whole_rectangles(folder):
    (picture_set,) = images(folder, [8, 16]).picture_sets()["wide"]()
    seen, _ = inspect(picture_set, Duplicates())
    problems = {problem.what: problem for problem in seen.problems}
    assert [name[-5:] for name in problems["of another shape than data.image_size, cropped by half or more"].where] == [
        "3.png"
    ]
    assert {image.shape for sample in seen.samples for image in sample} == {(3, 8, 16)}


def test_crops_lie_anywhere_within_the_margins_of_both_sides():
    whole = torch.arange(7 * 9).view(1, 1, 7, 9).expand(500, 1, 7, 9).byte().contiguous()
    crop = CropAndFlip([4, 6], True, seed=3)
    cut = crop(whole, range(500), "augmentation")
    assert cut.shape == (500, 1, 4, 6)
    corners = cut[:, 0, 0].amin(1)
    assert set(corners.tolist()) == {9 * top + left for top in range(4) for left in range(4)}
    rows, columns = np.split(crop.pixels(ImageSize(7, 9), range(500), "augmentation"), [4], axis=1)
    assert np.array_equal(cut[:, 0].numpy(), 9 * rows[:, :, None] + columns[:, None])


def test_the_centre_of_a_rectangle():
    whole = torch.arange(20).view(1, 1, 4, 5)
    assert center_crop(whole, [2, 3]).flatten().tolist() == [6, 7, 8, 11, 12, 13]


def test_pictures_are_cropped_from_the_same_shape():
    assert (load_size(256), load_size([256, 512]), load_size([64, 32])) == (286, [286, 572], [72, 36])


@pytest.mark.parametrize("load_size", [[8, 15], 8, [8, 16, 16]])
def test_a_size_to_crop_from_that_does_not_hold_the_crops_is_refused(load_size):
    with pytest.raises(UserError, match=r"data\.load_size="):
        PairedData(list, "test", [8, 16], channels=3, batch_size=4, seed=0, load_size=load_size)
