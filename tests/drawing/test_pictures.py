import numpy as np
import pytest
import torch

from ganexp.drawing.pictures import grid, picture, quantized, save, scatter, tiled


def test_values_are_quantized_by_the_fixed_range():
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0])
    assert quantized(values).tolist() == [0, 0, 128, 255, 255]


def test_a_dim_picture_stays_dim():
    dim = torch.full((1, 1, 2, 2), -0.9)
    dim[..., 0] = -1
    assert quantized(dim).max() == 13


def test_every_byte_comes_back():
    scaled = torch.arange(256) / 127.5 - 1
    assert quantized(scaled).tolist() == list(range(256))


def test_a_grid_shows_its_images_row_by_row_enlarged_by_whole_pixels():
    images = torch.linspace(-1, 1, 6)[:, None, None, None].expand(6, 3, 32, 32)
    drawn = np.asarray(grid(images, columns=3))
    assert drawn.shape[1] > drawn.shape[0]
    step = 33 * 2
    corners = [drawn[2 + step * row + 20, 2 + step * column + 20, 0] for row in range(2) for column in range(3)]
    assert corners == quantized(torch.linspace(-1, 1, 6)).tolist()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("n", "columns"), [(1, 1), (1, 4), (3, 8), (6, 3), (7, 3), (5, 1)])
def test_images_are_laid_out_as_torchvision_does(channels, n, columns):
    from torchvision.utils import make_grid

    images = torch.randint(256, (n, channels, 4, 5), generator=torch.Generator().manual_seed(n), dtype=torch.uint8)
    assert torch.equal(tiled(images, columns, 255), make_grid(images, nrow=columns, padding=1, pad_value=255))


def test_grids_of_grey_and_bfloat16_images_are_drawn():
    assert grid(torch.zeros(2, 1, 64, 64, dtype=torch.bfloat16), 2).size == (131, 66)


def test_points_are_drawn_where_they_are_second_coordinate_up():
    canvas = np.asarray(scatter(torch.tensor([[-1.0, 1.0]])))
    rows, columns = np.nonzero(canvas == 0)
    assert rows.max() < 5
    assert columns.max() < 5


def test_points_and_images_are_told_apart_by_their_shape():
    assert picture(torch.zeros(4, 2, 1, 1), 8).size == (512, 512)
    assert picture(torch.zeros(4, 3, 64, 64), 2).size == (131, 131)


def test_a_picture_is_written_whole_or_not_at_all(tmp_path):
    drawn = grid(torch.zeros(1, 1, 8, 8), 1)
    save(drawn, tmp_path / "new" / "a.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
