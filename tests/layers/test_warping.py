"""Warping by offsets."""

import pytest
import torch

from ganexp.layers.landmarks import positions
from ganexp.layers.resampling.warping import warped
from ganexp.numerics import deterministic

IMAGES = torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_no_offset_changes_nothing():
    assert torch.allclose(warped(IMAGES, torch.zeros(2, 2, 6, 8, dtype=torch.float64)), IMAGES, atol=1e-12)


def test_an_offset_of_a_pixel_reads_the_neighbour():
    offsets = torch.zeros(2, 2, 6, 8, dtype=torch.float64)
    offsets[:, 0] = 2 / 8
    assert torch.allclose(warped(IMAGES, offsets)[..., :-1], IMAGES[..., 1:], atol=1e-12)
    offsets[:, 0], offsets[:, 1] = 0, -2 / 6
    assert torch.allclose(warped(IMAGES, offsets)[:, :, 1:], IMAGES[:, :, :-1], atol=1e-12)


def test_the_deterministic_form_has_the_same_values_and_gradients(monkeypatch):
    offsets = 0.7 * torch.rand(2, 2, 6, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    results = []
    for required in (False, True):
        monkeypatch.setattr(deterministic, "required", lambda _, required=required: required)
        images, moved = (tensor.clone().requires_grad_() for tensor in (IMAGES, offsets))
        output = warped(images, moved)
        results.append((output, *torch.autograd.grad(output.square().sum(), (images, moved))))
    for plain, exact in zip(*results, strict=True):
        torch.testing.assert_close(plain, exact)


def test_the_landmark_of_an_empty_plane_is_the_centre():
    planes = torch.full((1, 2, 4, 4), -1.0)
    planes[0, 1, 3, 0] = 1
    assert positions(planes)[0].tolist() == [[0, 0], [pytest.approx(-0.75), pytest.approx(0.75)]]
