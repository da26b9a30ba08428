"""Torch's resizing of pictures: nearly Pillow's pixels, and from an encoded JPEG the same as from a decoded one."""

import io

import numpy as np
import pytest
from PIL import Image

from ganexp.data.decoding import Decoder
from ganexp.data.disk import OnDisk
from ganexp.data.pictures import FilePictures
from ganexp.data.unreadable import UnreadableError

FILTERS = ("bilinear", "bicubic")


def photograph(width, height, channels=3):
    """Smooth areas, edges and grain."""
    rng = np.random.default_rng(width)
    y, x = np.mgrid[:height, :width]
    smooth = 120 + 90 * np.sin(x / 19)[..., None] * np.cos(y / 13)[..., None] * np.linspace(0.5, 1, channels)
    smooth[(x - y) % 40 < 12] *= 0.4
    pixels = np.clip(smooth + rng.normal(0, 12, (height, width, channels)), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", **options)
    return io.BytesIO(buffer.getvalue())


def difference(one, other):
    return (one.int() - other.int()).abs()


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(("width", "height", "channels"), [(97, 61, 3), (61, 97, 1), (20, 24, 3)])
def test_pixels_are_pillows_up_to_rounding(name, width, height, channels):
    image = photograph(width, height, channels)
    levels = difference(Decoder(32, channels, f"torch_{name}")(image), Decoder(32, channels, name)(image)).float()
    assert levels.max() <= 2
    assert levels.mean() < 0.05


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_encoded_jpeg_gives_the_pixels_of_a_decoded_one(options, channels):
    decoder = Decoder(32, channels, "torch_bicubic")
    file = encoded(photograph(97, 61, channels), **options)
    loaded = Image.open(io.BytesIO(file.getvalue()))
    loaded.load()
    assert decoder(Image.open(file)).equal(decoder(loaded))


def test_rotated_transparent_and_cmyk_pictures_are_converted_first():
    image = photograph(97, 61)
    exif = Image.Exif()
    exif[0x0112] = 6
    rotated = Image.open(encoded(image, exif=exif))
    cmyk = Image.open(encoded(image.convert("CMYK")))
    transparent = image.copy()
    transparent.putalpha(photograph(97, 61, 1))
    for picture in (rotated, cmyk, transparent):
        levels = difference(Decoder(32, 3, "torch_bicubic")(picture), Decoder(32, 3)(picture))
        assert levels.max() <= 2


def test_a_jpeg_cut_short_is_named_by_either_filter(tmp_path):
    whole = encoded(photograph(97, 61)).getvalue()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    for name in ("bicubic", "torch_bicubic"):
        with pytest.raises(UnreadableError, match=r"1 of 1 images cannot be read: .*cut\.jpg \("):
            OnDisk(FilePictures([str(tmp_path / "cut.jpg")]), Decoder(32, 3, name), labelled=False)[0]


def test_the_filter_is_in_the_checksum(tmp_path):
    photograph(40, 40).save(tmp_path / "a.png")
    pictures = FilePictures([str(tmp_path / "a.png")])
    sums = {OnDisk(pictures, Decoder(32, 3, name), False).checksum() for name in ("bicubic", "torch_bicubic")}
    assert len(sums) == 2
