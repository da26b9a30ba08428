"""Images of any number of channels as colours."""

import torch

from ganexp.drawing.channels import as_rgb, description, of_one_shape, on_checkerboard
from ganexp.drawing.pictures import as_image, grid


def images(channels):
    return torch.rand(2, channels, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_two_channels_are_red_and_green():
    two = images(2)
    shown = as_rgb(two)
    assert torch.equal(shown[:, :2], two)
    assert shown[:, 2].eq(-1).all()


def test_channels_beyond_four_are_beside_each_other():
    five = images(5)
    shown = as_rgb(five)
    assert shown.shape == (2, 3, 16, 80)
    for channel in range(5):
        assert torch.equal(shown[:, 1, :, 16 * channel : 16 * (channel + 1)], five[:, channel])


def test_opaque_pixels_are_their_colour_and_transparent_ones_the_checkerboard():
    four = images(4)
    four[:, 3] = 1
    assert torch.allclose(on_checkerboard(four), four[:, :3])
    four[:, 3] = -1
    board = on_checkerboard(four)
    assert torch.equal(board[0], board[1])
    assert board[0, 0, 0, 0] != board[0, 0, 0, 8] == board[0, 0, 8, 0]


def test_a_grid_says_what_its_colours_are():
    assert description(2) == "red: channel 1, green: channel 2"
    assert description(6) == "from left to right: channels 1 to 6"
    assert [description(channels) for channels in (1, 3, 4)] == [None] * 3
    assert grid(images(2), 2).height >= grid(images(3), 2).height + 16


def test_single_images_of_any_channels_are_pictures():
    assert [as_image(images(channels)[0]).mode for channels in (1, 2, 3, 4, 5)] == ["L", "RGB", "RGB", "RGBA", "RGB"]


def test_images_of_other_channels_have_one_shape_beside_each_other():
    grey, five = torch.zeros(2, 1, 4, 6), torch.zeros(2, 5, 4, 6)
    assert [id(batch) for batch in of_one_shape([grey, grey])] == [id(grey)] * 2
    wide, widest = of_one_shape([grey, five])
    assert wide.shape == widest.shape == (2, 3, 4, 30)
    assert torch.equal(wide[..., :6], as_rgb(grey))
    assert (wide[..., 6:] == 1).all()
    assert torch.equal(widest, as_rgb(five))
