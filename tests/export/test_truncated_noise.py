"""Truncated noise as a function of normal noise, against the distribution function in float64."""

import pytest
import torch
from torch.special import ndtr, ndtri

from ganexp.export.truncation import UNTRUNCATED, inverse_erf, truncated

NOISE = torch.linspace(-5, 5, 2001)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 1.0, 2.0, 4.0])
def test_it_is_the_quantile_function_of_the_truncated_normal_distribution(threshold):
    t = torch.tensor(threshold, dtype=torch.float64)
    expected = ndtri(ndtr(-t) + (ndtr(t) - ndtr(-t)) * ndtr(NOISE.double()))
    actual = truncated(NOISE, torch.tensor(threshold))
    assert actual.abs().max() <= threshold
    assert (actual.diff() >= 0).all()
    # Far out float32 cannot tell the shares of the distribution apart.
    inner = NOISE.abs() < 3
    torch.testing.assert_close(actual[inner], expected[inner].float(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("threshold", [UNTRUNCATED, 10.0, float("inf")])
def test_a_large_threshold_leaves_the_noise(threshold):
    assert torch.equal(truncated(NOISE, torch.tensor(threshold)), NOISE)


def test_the_inverse_error_function_inverts():
    values = torch.linspace(-0.99999, 0.99999, 1001)
    torch.testing.assert_close(
        inverse_erf(values).double(), torch.special.erfinv(values.double()), atol=1e-5, rtol=1e-5
    )
