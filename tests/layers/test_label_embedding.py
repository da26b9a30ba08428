import pytest
import torch

from ganexp.layers.conditional_normalization import by_label
from ganexp.layers.label_embedding import LabelEmbedding
from ganexp.layers.projection import Projection

LABELS = torch.tensor([2, 0, 3])
ONE_HOT = torch.nn.functional.one_hot(LABELS, 4).to(torch.int8)
BOTH = torch.tensor([[1, 0, 1, 0]], dtype=torch.int8)


@pytest.fixture
def embedding():
    torch.manual_seed(0)
    return LabelEmbedding(4, 5)


def test_one_attribute_is_embedded_as_its_class(embedding):
    assert torch.equal(embedding(ONE_HOT), embedding(LABELS))


def test_several_attributes_are_embedded_as_their_sum_and_none_as_zero(embedding):
    torch.testing.assert_close(embedding(BOTH)[0], embedding.weight[0] + embedding.weight[2])
    assert torch.equal(embedding(torch.zeros(1, 4, dtype=torch.int8)), torch.zeros(1, 5))


def test_projection_and_conditional_norms_take_one_attribute_as_its_class():
    torch.manual_seed(0)
    head = Projection(6, 4, lambda layer: layer)
    features = torch.randn(3, 6)
    assert torch.equal(head(features, ONE_HOT), head(features, LABELS))
    norm = by_label(torch.nn.BatchNorm2d(2, affine=False), 2, 4)
    torch.nn.init.normal_(norm.gain.weight)
    maps = torch.randn(3, 2, 4, 4)
    assert torch.equal(norm(maps, ONE_HOT), norm(maps, LABELS))
