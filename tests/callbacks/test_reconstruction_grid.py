"""Grids of samples above real images beside their reconstructions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganexp.callbacks.reconstruction_grid import GAP, ReconstructionGrid
from ganexp.data.memory import InMemory
from ganexp.errors import UserError


class Mirror:
    """A model whose samples are white and whose reconstructions are mirror images."""

    columns = 6

    def sample(self, n, seed):
        return torch.ones(n, 1, 64, 64)

    def reconstruct(self, images):
        return images.flip(3)


def trainer_of(images):
    return SimpleNamespace(datamodule=SimpleNamespace(dataset=InMemory(images)))


def drawn(images, tmp_path, rows=4):
    return np.asarray(ReconstructionGrid(str(tmp_path), 1, 0, rows).render(trainer_of(images), Mirror()).convert("L"))


@pytest.fixture(scope="module")
def images():
    return torch.randint(256, (9, 1, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_every_original_is_left_of_its_reconstruction(images, tmp_path):
    picture = drawn(images, tmp_path)
    border, side = 1, 65
    samples_height = 4 * side + border
    lower = picture[samples_height + GAP :]
    assert lower.shape == (2 * side + border, 6 * side + border)
    tiles = [
        lower[border + side * row : side * (row + 1), border + side * column : side * (column + 1)]
        for row in range(2)
        for column in range(6)
    ]
    known = {image[0].numpy().tobytes() for image in images}
    for original, reconstruction in zip(tiles[::2], tiles[1::2], strict=True):
        assert original.tobytes() in known
        assert np.array_equal(reconstruction, original[:, ::-1])


def test_a_model_without_an_encoder_is_refused(tmp_path):
    with pytest.raises(UserError, match="this model has no encoder"):
        ReconstructionGrid(str(tmp_path), 1, 0).on_train_start(None, SimpleNamespace(images_seen=0))


def test_the_choice_is_fixed_and_small_sets_are_enough(images, tmp_path):
    assert np.array_equal(drawn(images, tmp_path), drawn(images, tmp_path))
    assert drawn(images[:4], tmp_path).shape == drawn(images, tmp_path).shape
