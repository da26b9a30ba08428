"""Resolutions and widths of feature maps."""

import torch

from ganexp.layers.resolution import doubling, doublings, halving, step_widths


def test_widths_are_the_papers_at_64():
    assert step_widths(4, 128, 1024) == [128, 256, 512, 1024]
    assert step_widths(5, 128, 1024) == [128, 256, 512, 1024, 1024]
    assert [doublings(size) for size in (8, 28, 56, 64)] == [(4, 1), (7, 2), (7, 3), (4, 4)]
    assert [doublings(size, (1, 7)) for size in (8, 28)] == [(1, 3), (7, 2)]


def test_the_strided_convolutions_double_and_halve_a_map():
    maps = torch.randn(2, 3, 6, 10)
    assert doubling(3, 4)(maps).shape == (2, 4, 12, 20)
    assert halving(3, 4)(maps).shape == (2, 4, 3, 5)
