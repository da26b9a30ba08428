"""The path length against its definition, by the Jacobian of a linear generator and over batches."""

import math

import pytest
import torch

from ganexp.errors import UserError
from ganexp.penalties.path_length import PathLength, path_lengths


def rng():
    return torch.Generator().manual_seed(0)


def test_lengths_are_those_of_the_jacobians_products_with_the_noise():
    matrix = torch.randn(12, 5, generator=rng(), dtype=torch.float64)
    styles = torch.randn(3, 1, 5, generator=rng(), dtype=torch.float64, requires_grad=True)
    images = (styles[:, 0] @ matrix.T).view(3, 3, 2, 2)
    noise = torch.randn(3, 3, 2, 2, generator=rng(), dtype=torch.float64)
    expected = (noise.flatten(1) @ matrix).norm(dim=1) / math.sqrt(4)
    assert torch.allclose(path_lengths(images, styles, noise), expected)


def test_styles_of_more_layers_count_by_their_mean_square():
    styles = torch.zeros(2, 3, 5, requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 2.0])
    images = (styles * weights[:, None])[:, :, :1].sum(1)[:, :, None, None]
    assert path_lengths(images, styles, torch.ones_like(images)).tolist() == pytest.approx([math.sqrt(3)] * 2)


def test_the_average_follows_the_lengths_and_the_term_is_their_variance_about_it():
    penalty = PathLength(weight=2.0, every=4, decay=0.75)
    term = penalty(torch.tensor([1.0, 3.0]))
    assert penalty.mean.item() == 0.5
    assert term.item() == pytest.approx(4 * 2 * (0.5**2 + 2.5**2) / 2)
    penalty.eval()
    penalty(torch.tensor([100.0]))
    assert penalty.mean.item() == 0.5


def test_the_gradient_is_that_of_the_term_with_the_averages_own():
    lengths = torch.tensor([1.0, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    penalty = PathLength(weight=1.0, every=1, decay=0.9).double()
    penalty.mean.fill_(2.0)
    (gradient,) = torch.autograd.grad(penalty(lengths), lengths)
    target = 0.9 * 2.0 + 0.1 * lengths.mean()
    (expected,) = torch.autograd.grad((lengths - target).square().mean(), lengths)
    assert torch.allclose(gradient, expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": -1.0}, "weight=-1.0: it must be finite and at least 0"),
        ({"every": 0}, "every=0, shrink=2: both must be at least 1"),
        ({"decay": 1.0}, "decay=1.0: it must be at least 0 and below 1"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(UserError, match=message):
        PathLength(**settings)
