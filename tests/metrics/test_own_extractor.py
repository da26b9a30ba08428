import pytest
import torch
from torch import nn

from ganexp.data.memory import InMemory
from ganexp.errors import UserError
from ganexp.metrics.custom import custom
from ganexp.metrics.reference import RealImages

CPU = torch.device("cpu")
BATCH = torch.tensor([0, 255, 51, 204], dtype=torch.uint8).view(2, 2, 1, 1)
REAL = RealImages(InMemory(BATCH), "four values")


class Returns(nn.Module):
    """Returns what a function makes of the images."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.function(x * self.scale)


def test_it_sees_minus_one_to_one_and_its_maps_are_flattened():
    extractor = custom(REAL, CPU, Returns(lambda x: x.double()))
    outputs = extractor(BATCH)
    torch.testing.assert_close(outputs, {"features": torch.tensor([[-1.0, 1.0], [-0.6, 0.6]])})
    assert not outputs["features"].requires_grad
    assert not extractor.network.training


def test_points_are_not_scaled():
    points = torch.randn(3, 2, 1, 1)
    assert torch.equal(custom(REAL, CPU, nn.Identity())(points)["features"], points.flatten(1))


def test_logits_and_nothing_else_come_along():
    extractor = custom(REAL, CPU, Returns(lambda x: {"features": x, "logits": 2 * x, "more": None}))
    outputs = extractor(BATCH)
    assert sorted(outputs) == ["features", "logits"]
    torch.testing.assert_close(outputs["logits"], 2 * outputs["features"])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: {"logits": x}, 'returned logits, without "features"'),
        (lambda x: {}, 'returned nothing, without "features"'),
        (lambda x: None, "returned features of type NoneType, not a tensor of floats"),
        (lambda x: x.long(), "returned features of type torch.int64"),
        (lambda x: x[:1], r"returned features of shape \(1, 2, 1, 1\) for 2 images"),
        (lambda x: x.flatten(), r"returned features of shape \(4,\) for 2 images, not \(2, ...\)"),
        (lambda x: {"features": x, "logits": x.sum()}, r"returned logits of shape \(\)"),
    ],
)
def test_wrong_outputs_are_told(function, message):
    with pytest.raises(UserError, match=rf"extractor\.own\.network: .*Returns {message}"):
        custom(REAL, CPU, Returns(function))(BATCH)


def test_without_a_network_the_option_is_named():
    with pytest.raises(UserError, match=r"extractor\.own\.network=None is not a torch module: .*_target_="):
        custom(REAL, CPU, None)


def test_the_fingerprint_follows_class_and_weights():
    first, same = (custom(REAL, CPU, Returns(None)) for _ in range(2))
    changed = Returns(None)
    changed.scale.data.add_(1)
    other = custom(REAL, CPU, changed)
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert custom(REAL, CPU, nn.Flatten()).fingerprint != custom(REAL, CPU, nn.Identity()).fingerprint
    assert first.description["network"].endswith("test_own_extractor.Returns")
