"""The perceptual term in VGG-16's features."""

import pytest
import torch

from ganexp.errors import UserError
from ganexp.metrics.vgg16 import VGG16
from ganexp.variants.vgg_distance import Features, VGGDistance
from support.avatars import batch, game


@pytest.fixture
def distance():
    """The distance in a narrow network's features."""
    torch.manual_seed(0)
    made = VGGDistance(weight=2.0)
    made._features = Features(VGG16(width=1, hidden=1).features)
    return made


def test_it_is_zero_for_equal_images_and_its_gradient_is_that_of_the_first(distance):
    one, other = (torch.rand(2, 3, 32, 32).mul(2).sub(1).requires_grad_() for _ in range(2))
    assert distance(one, one.detach()) == 0
    distance(one, other).backward()
    assert one.grad.abs().sum() > 0
    assert other.grad is None


def test_it_is_proportional_to_its_weight_and_takes_grey_as_rgb(distance):
    grey, other = (torch.rand(2, 1, 16, 16) * 2 - 1 for _ in range(2))
    value = distance(grey, other)
    torch.testing.assert_close(distance(grey.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1)), value)
    distance.weight = 1.0
    torch.testing.assert_close(2 * distance(grey, other), value)


def test_it_is_a_term_of_the_generators_loss_and_not_in_the_checkpoint(distance):
    module = game()
    module.perceptual = distance
    assert "perceptual" in module.generator_loss(batch())
    assert not [name for name in module.state_dict() if "perceptual" in name]


def test_missing_weights_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"model\.perceptual\.weights=\S*none.pth: is not a file"):
        VGGDistance(weights=str(tmp_path / "none.pth"))(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
