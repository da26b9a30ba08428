"""The bi-layer generator: a person embedded once, driven by landmarks."""

import pytest
import torch

from ganexp.image_size import ImageSize
from ganexp.layers.normalization import instance
from ganexp.networks.head_avatar import Generator, halvings

LANDMARKS = 5


def generator(size=16):
    torch.manual_seed(0)
    return Generator(3, size, instance(), LANDMARKS, 4 + LANDMARKS, width=4, max_width=8, embedding=6).eval()


def inputs(height=16, width=16, seed=1):
    return 2 * torch.rand(2, 4 + LANDMARKS, height, width, generator=torch.Generator().manual_seed(seed)) - 1


@torch.no_grad()
def test_driving_an_avatar_is_the_whole_network():
    network, images = generator(), inputs()
    avatar = network.avatar(images[:, :4])
    driven = network.drive(avatar, network.landmarks_in(images)).picture()
    assert torch.equal(driven, network(images))
    assert driven.shape == (2, 3, 16, 16)
    assert driven.abs().max() <= 1


@torch.no_grad()
def test_the_texture_is_the_persons_and_the_pose_is_the_landmarks_alone():
    network, images = generator(), inputs()
    others = torch.cat([images[:, :4], inputs(seed=2)[:, 4:]], 1)
    assert torch.equal(
        network.avatar(network.person_in(images)).texture, network.avatar(network.person_in(others)).texture
    )
    assert not torch.equal(network(images), network(others))
    # Half of the brightness has the same centre of mass.
    dimmed = torch.cat([images[:, :4], (images[:, 4:] + 1) / 2 - 1], 1)
    torch.testing.assert_close(network(dimmed), network(images))


@torch.no_grad()
def test_other_sizes_and_rectangles_are_multiples():
    assert generator().multiple == 4
    assert generator()(inputs(24, 32)).shape == (2, 3, 24, 32)
    assert generator([16, 24])(inputs(16, 24)).shape == (2, 3, 16, 24)


def test_sizes_are_halved_to_four_pixels():
    assert [halvings(ImageSize(side, side)) for side in (8, 12, 16, 28, 64, 128, 256)] == [1, 1, 2, 2, 4, 5, 6]
    with pytest.raises(ValueError, match=r"cannot make 15x15: set data.image_size to 16 or"):
        halvings(ImageSize(15, 15))
