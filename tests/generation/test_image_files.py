"""Files of generated images at the depth of the data."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.decoding import Decoder
from ganexp.data.depth.value_range import ValueRange
from ganexp.errors import NotFinite
from ganexp.generation.image_files import ImageFiles


def image(channels):
    return torch.rand(channels, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_twelve_bit_samples_are_read_back_as_they_were(tmp_path):
    stated = ValueRange(0, 4095)
    ImageFiles(stated)(image(1), tmp_path, "a")
    picture = Image.open(tmp_path / "a.png")
    assert np.asarray(picture).max() <= 4095
    assert torch.allclose(Decoder(4, 1, value_range=stated)(picture), image(1), atol=1 / 4095)


@pytest.mark.parametrize(
    ("channels", "value_range", "kind", "shape"),
    [
        (2, None, np.uint8, (4, 4, 2)),
        (5, None, np.uint8, (4, 4, 5)),
        (3, ValueRange(0, 65535), np.float32, (4, 4, 3)),
        (1, ValueRange(-1024, 3071), np.float32, (4, 4)),
    ],
)
def test_what_png_cannot_hold_is_an_array(tmp_path, channels, value_range, kind, shape):
    ImageFiles(value_range)(image(channels), tmp_path, "a")
    array = np.load(tmp_path / "a.npy")
    assert (array.dtype, array.shape) == (kind, shape)


def test_eight_bit_pictures_of_one_three_and_four_channels_are_png(tmp_path):
    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        ImageFiles()(image(channels), tmp_path, mode)
        assert Image.open(tmp_path / f"{mode}.png").mode == mode


def test_samples_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(NotFinite):
        ImageFiles(ValueRange(0, 1))(torch.full((1, 4, 4), float("nan")), tmp_path, "a")
    assert not any(tmp_path.iterdir())
