"""Truncated normal noise as a function of normal noise, of operators that every format has."""

import math

import torch
from torch import Tensor

UNTRUNCATED = 6.0
"""Thresholds from here on leave the noise as it is: one number in 500 million is farther from 0."""
# M. Giles, Approximating the erfinv function (GPU Computing Gems 2, 2012), table 5: single precision, highest power
# first, of w - 2.5 below 5 and of sqrt(w) - 3 above, with w = -log(1 - x^2).
CENTRE = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)
BELOW_ONE = 1 - 2**-24


def truncated(noise: Tensor, threshold: Tensor) -> Tensor:
    """Return noise from N(0, 1) within the threshold (), as an increasing function of noise from N(0, 1).

    With u = Phi(z) uniform it is the inverse of the truncated normal distribution function at u, so the result has the
    distribution of `ganexp.noise.truncated_normal` (arXiv 1809.11096, section 3.1). From `UNTRUNCATED` on it is the
    noise itself.
    """
    share = torch.erf(noise / math.sqrt(2)) * torch.erf(threshold / math.sqrt(2))
    within = math.sqrt(2) * inverse_erf(share.clamp(-BELOW_ONE, BELOW_ONE))
    return torch.where(threshold >= UNTRUNCATED, noise, torch.minimum(torch.maximum(within, -threshold), threshold))


def inverse_erf(values: Tensor) -> Tensor:
    """Return the inverse error function of float32 values in (-1, 1), by polynomials; ONNX has no operator for it."""
    w = -torch.log((1 - values) * (1 + values))
    return values * torch.where(w < 5, _polynomial(CENTRE, w - 2.5), _polynomial(TAIL, w.clamp_min(0).sqrt() - 3))


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
