"""Residual blocks: shapes, and what passes where the residual is nothing."""

import pytest
import torch
from torch import nn

from ganexp.layers.normalization import batch, none
from ganexp.layers.residual import DownBlock, FirstBlock, UpBlock

PLAIN = none()


def silenced(convolution):
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)


def test_a_block_that_changes_nothing_is_the_identity_beside_its_residual():
    block, maps = DownBlock(6, 6, 6, batch().maps, PLAIN.edge, pool=1), torch.randn(2, 6, 4, 4)
    assert not torch.equal(block(maps), maps)
    silenced(block.residual[5])
    assert torch.equal(block(maps), maps)


def test_the_shortcuts_double_and_halve_by_copies_and_means():
    maps = torch.randn(2, 3, 4, 4)
    up, down = UpBlock(3, 5, PLAIN.maps, PLAIN.edge), DownBlock(3, 4, 5, PLAIN.maps, PLAIN.edge)
    first = FirstBlock(3, 5, PLAIN.edge)
    silenced(up.conv2)
    silenced(down.residual[5])
    silenced(first.residual[2])
    doubled = maps.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(up(maps), up.shortcut(doubled), atol=1e-6)
    for block in (down, first):
        means = maps.unflatten(3, (2, 2)).unflatten(2, (2, 2)).mean((3, 5))
        assert torch.allclose(block(maps), block.shortcut[1](means), atol=1e-6)


@pytest.mark.parametrize("pool", [1, 2])
def test_shapes(pool):
    maps = torch.randn(2, 3, 8, 8)
    assert UpBlock(3, 5, batch().maps, PLAIN.edge)(maps).shape == (2, 5, 16, 16)
    assert DownBlock(3, 4, 5, batch().maps, PLAIN.edge, pool)(maps).shape == (2, 5, 8 // pool, 8 // pool)
    assert FirstBlock(3, 5, PLAIN.edge)(maps).shape == (2, 5, 4, 4)


def test_the_first_block_sees_the_dark_half_of_the_image():
    block, image = FirstBlock(1, 4, PLAIN.edge), -torch.rand(1, 1, 4, 4)
    silenced(block.shortcut[1])
    assert block(image).var() > 0
    assert DownBlock(1, 1, 4, PLAIN.maps, PLAIN.edge).residual[:2](image).eq(0).all()
