"""The mapping from noise to styles: normalization, slow layers, the mean, truncation and mixing."""

import pytest
import torch

from ganexp.layers.style_mapping import LabelMapping, NormalizedEmbedding, StyleMapping, mixed


def mapping(**settings):
    torch.manual_seed(0)
    return StyleMapping(6, 5, layers=2, **settings)


def noise(n=4):
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(0))


def test_styles_depend_on_the_direction_of_the_noise_alone():
    styles = mapping()
    assert torch.allclose(styles(noise()), styles(7 * noise()), rtol=1e-4)


def test_a_step_of_the_stored_weights_moves_styles_less_by_the_learning_rate_multiplier():
    slow, fast = mapping(learning_rate_multiplier=0.01), mapping(learning_rate_multiplier=1.0)
    assert torch.allclose(slow(noise()), fast(noise()), rtol=1e-4)
    stored = [layer.parametrizations.weight.original for layer in (slow.layers[0], fast.layers[0])]
    assert (stored[0] / stored[1]).mean().item() == pytest.approx(100, rel=1e-4)


def test_the_mean_follows_the_styles():
    styles = mapping()
    drawn = styles(noise(50)).detach()
    for _ in range(2000):
        styles.follow(drawn)
    assert torch.allclose(styles.mean, drawn.mean(0), atol=1e-4)


def test_truncation_keeps_a_share_of_the_distance_from_the_mean():
    styles = mapping()
    drawn = styles(noise()).detach()
    styles.mean.copy_(torch.arange(5.0))
    assert torch.allclose(styles.truncated(drawn, 1.0), drawn, atol=1e-6)
    assert torch.equal(styles.truncated(drawn, 0.0), styles.mean.expand(4, -1))
    assert torch.allclose(styles.truncated(drawn, 0.25) - styles.mean, 0.25 * (drawn - styles.mean), atol=1e-6)


@pytest.mark.parametrize("crossover", [1, 2, 3])
def test_layers_from_the_crossover_on_have_the_other_styles(crossover):
    first, second = torch.zeros(2, 5), torch.ones(2, 5)
    layers = mixed(first, second, torch.tensor(crossover), layers=3)
    assert layers.shape == (2, 3, 5)
    assert layers[:, :crossover].eq(0).all()
    assert layers[:, crossover:].eq(1).all()


def test_an_embedded_label_has_mean_square_1_and_an_equalized_learning_rate():
    torch.manual_seed(0)
    embedding = NormalizedEmbedding(100, 5)
    torch.nn.init.normal_(embedding.bias)
    label = torch.tensor([3, 70])
    expected = embedding.table.weight[label] / 10 + embedding.bias
    vectors = embedding(label)
    assert torch.allclose(vectors.square().mean(1), torch.ones(2), atol=1e-5)
    assert torch.allclose(vectors * expected.norm(dim=1, keepdim=True) / 5**0.5, expected, atol=1e-5)


def test_labels_change_styles_and_each_has_a_mapping_without_noise():
    torch.manual_seed(0)
    conditional, of_labels = StyleMapping(6, 5, layers=2, num_classes=3), LabelMapping(3, 5, layers=2)
    same = noise(1).expand(3, -1)
    styles = conditional(same, torch.arange(3))
    assert styles.shape == of_labels(torch.arange(3)).shape == (3, 5)
    for outputs in (styles, of_labels(torch.arange(3))):
        assert len(outputs.unique(dim=0)) == 3
    with torch.no_grad():
        conditional.embedding.table.weight[1] = conditional.embedding.table.weight[0]
    assert torch.allclose(*conditional(same[:2], torch.tensor([0, 1])))


def test_a_size_below_one_is_refused():
    for broken in (lambda: StyleMapping(6, 5, layers=0), lambda: LabelMapping(3, 5, layers=0)):
        with pytest.raises(ValueError, match="mapping_layers"):
            broken()
