import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.decoding import FILTERS, Decoder
from ganexp.errors import UserError


def solid(mode, value, size=(8, 8)):
    return Image.new(mode, size, value)


@pytest.mark.parametrize(
    ("image", "rgb"),
    [
        (solid("1", 1), (255, 255, 255)),
        (solid("L", 100), (100, 100, 100)),
        (solid("LA", (100, 255)), (100, 100, 100)),
        (solid("LA", (100, 0)), (255, 255, 255)),
        (solid("P", 0).convert("P"), (0, 0, 0)),
        (solid("RGB", (10, 20, 30)), (10, 20, 30)),
        (solid("RGBA", (10, 20, 30, 255)), (10, 20, 30)),
        (solid("RGBA", (10, 20, 30, 0)), (255, 255, 255)),
        (solid("CMYK", (0, 0, 0, 0)), (255, 255, 255)),
        (solid("CMYK", (255, 0, 0, 0)), (0, 255, 255)),
        (solid("YCbCr", (128, 128, 128)), (128, 128, 128)),
        (solid("I;16", 65535), (255, 255, 255)),
        (solid("I;16", 257 * 100), (100, 100, 100)),
        (solid("I", 257 * 100), (100, 100, 100)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode(image, rgb, channels):
    pixels = Decoder(4, channels)(image)
    wanted = rgb if channels == 3 else [Image.new("RGB", (1, 1), rgb).convert("L").getpixel((0, 0))]
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (channels, 4, 4)
    assert pixels.flatten(1).unique(dim=1).squeeze(1).tolist() == list(wanted)


def test_transparent_palettes_from_files_come_out_on_white(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.save(tmp_path / "a.png", transparency=1)
    palette.save(tmp_path / "a.gif", transparency=1)
    for name in ("a.png", "a.gif"):
        assert Decoder(8, 3)(Image.open(tmp_path / name)).eq(255).all()


def test_16_bit_files_are_scaled_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(values).save(tmp_path / name)
        pixels = Decoder(8, 1)(Image.open(tmp_path / name))[0].numpy()
        np.testing.assert_array_equal(pixels, np.rint(values / 257))


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 70000), ("I", -1)])
def test_pixels_without_a_fixed_range_are_refused_by_name(mode, value):
    with pytest.raises(UserError, match=f"mode {mode}"):
        Decoder(8, 1)(solid(mode, value))


def test_exif_orientation_is_applied(tmp_path):
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(tmp_path / "a.png", exif=exif)
    turned = Decoder(8, 1)(Image.open(tmp_path / "a.png"))
    assert torch.equal(turned, Decoder(8, 1)(image).flip(1, 2))


@pytest.mark.parametrize("name", FILTERS)
def test_shorter_side_is_resized_then_the_centre_cropped(name):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    whole = np.asarray(image.resize((12, 8), FILTERS[name]))
    pixels = Decoder(8, 3, name)(image).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(pixels, whole[:, 2:10])


def test_the_right_size_is_left_alone_whatever_the_filter():
    values = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = Decoder(8, 3, "lanczos")(Image.fromarray(values))
    np.testing.assert_array_equal(pixels.permute(1, 2, 0).numpy(), values)


@pytest.mark.parametrize("size", [(1, 7), (7, 1), (100, 3), (3, 100), (1, 1)])
def test_any_shape_becomes_square(size):
    assert Decoder(5, 3)(solid("RGB", 0, size)).shape == (3, 5, 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 3), "data.image_size=0"),
        ((8, 0), "data.channels=0: images have at least 1"),
        ((8, 3, "cubic"), "data.resize_filter=cubic: .*nearest, box, bilinear, hamming, bicubic, lanczos"),
    ],
)
def test_impossible_settings_are_refused(arguments, words):
    with pytest.raises(UserError, match=words):
        Decoder(*arguments)


@pytest.mark.parametrize("size", [(36, 24), (30, 40), (48, 24), (24, 80), (24, 12), (12, 6)])
def test_a_rectangle_is_the_largest_central_part_of_its_shape(size):
    width, height = size
    values = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)
    pixels = Decoder((6, 12), 3)(picture)
    across, down = min(width, 2 * height), min(height, width / 2)
    box = ((width - across) / 2, (height - down) / 2, (width + across) / 2, (height + down) / 2)
    expected = np.asarray(picture.resize((12, 6), Image.Resampling.BICUBIC, box))
    assert np.abs(pixels.permute(1, 2, 0).numpy().astype(int) - expected).max() <= 12


def test_a_square_given_twice_is_the_square():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8))
    assert torch.equal(Decoder([8, 8], 3)(picture), Decoder(8, 3)(picture))
    assert str(Decoder([8, 8], 3).image_size) == str(Decoder(8, 3).image_size) == "8"


def test_a_rectangle_of_the_right_size_is_not_touched():
    values = np.random.default_rng(0).integers(0, 256, (6, 9), dtype=np.uint8)
    assert torch.equal(Decoder((6, 9), 1, "lanczos")(Image.fromarray(values))[0], torch.from_numpy(values))


@pytest.mark.parametrize("size", [0, [8], [8, 0], [8, 8, 8], "8", True, [8, True], 8.0])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(UserError, match=r"data\.image_size=.*: give at least one pixel, as a number or as \[height"):
        Decoder(size, 3)
