import pytest
import torch

from ganexp.noise import normal
from ganexp.variants.samplers.attributes import SETS, AttributeSampler, AttributeSets

ATTRIBUTES = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.int8)


class Shows(torch.nn.Module):
    """A generator whose images are their attributes."""

    def forward(self, noise, label):
        return label.float()[:, :, None, None].expand(-1, -1, 2, 2) * 0.5


@pytest.fixture
def sampler():
    sets = AttributeSets(3)
    sets.fill(ATTRIBUTES, seed=0)
    return AttributeSampler(sets, generator=Shows(), average=None, noise=normal, latent=4, seed=0)


def shown(images):
    return images[:, :, 0, 0] * 2


def test_samples_have_attributes_of_training_images_as_often_as_these(sampler):
    rows = sampler.sets.rows
    assert rows.shape == (SETS, 3)
    counts = [int((rows == attributes).all(1).sum()) for attributes in ATTRIBUTES]
    assert sum(counts) == SETS
    assert max(counts) - min(counts) <= 1
    assert torch.equal(shown(sampler.numbered(torch.arange(64), 0)), rows[:64].float())
    assert torch.equal(shown(sampler.sample(4, 0)), rows[:4].float())


def test_given_sets_are_repeated_in_order_and_others_are_refused(sampler):
    drawn = shown(sampler.sample(3, 0, [(0, 1, 1), (0, 0, 0)]))
    assert drawn.tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 1]]
    with pytest.raises(ValueError, match="this model has 3 attributes"):
        sampler.sample(3, 0, [2])
