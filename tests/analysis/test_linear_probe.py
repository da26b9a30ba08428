"""Linear probes: accuracies in closed form; the feature extractors that are compared."""

import pytest
import torch
from scipy.stats import norm
from torch import nn

from ganexp.data.memory import InMemory
from ganexp.layers import normalization
from ganexp.metrics.reference import CachedReference, RealImages
from ganexp.networks import dcgan
from ganexp.representations.features import Features, patch_centroids, pixels, pooled, principal_components
from ganexp.representations.linear_probe import PUBLISHED, Labelled, balanced_choice, plot_probes, probe


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def two_normals(shift, n=2000, dimensions=4, seed=0):
    labels = torch.arange(2 * n) % 2
    values = torch.randn(2 * n, dimensions, generator=rng(seed))
    values[:, 0] += shift * (2 * labels - 1)
    return Labelled(values[:n], labels[:n], values[n:], labels[n:])


def test_two_normal_classes_are_classified_as_well_as_by_the_optimal_hyperplane():
    for shift in (0.5, 1.0, 2.0):
        (accuracy,) = probe(two_normals(shift)).accuracies
        assert accuracy.mean == pytest.approx(norm.cdf(shift), abs=0.015)


def test_uninformative_features_are_at_chance_level_and_features_that_encode_the_class_are_perfect():
    (chance,) = probe(two_normals(0.0)).accuracies
    assert chance.mean == pytest.approx(0.5, abs=0.04)
    labels = torch.arange(300) % 10
    one_hot = torch.nn.functional.one_hot(labels).float()
    (perfect,) = probe(Labelled(one_hot[:200], labels[:200], one_hot[200:], labels[200:])).accuracies
    assert (perfect.mean, perfect.std, perfect.labels) == (1, 0, 200)


def test_more_labels_increase_the_accuracy_and_seeds_choose_others():
    data = two_normals(0.6, dimensions=40)
    few, more, all_labels = probe(data, (20, 400, None), (0, 1, 2)).accuracies
    assert len(few.values) == len(more.values) == 3
    assert len(set(few.values)) > 1
    assert few.mean < more.mean <= all_labels.mean + 0.02
    assert all_labels.labels == 2000


def test_the_strength_can_be_chosen_without_images_of_a_rare_class():
    values = torch.randn(60, 3, generator=rng())
    labels = torch.zeros(60, dtype=torch.long)
    labels[0] = 1
    for seed in range(4):
        (accuracy,) = probe(Labelled(values, labels, values, labels), seeds=(seed,)).accuracies
        assert accuracy.mean >= 59 / 60


def test_labels_are_chosen_class_balanced_and_differ_by_seed():
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 3)
    chosen = balanced_choice(labels, 30, 0)
    assert len(set(chosen.tolist())) == 30
    assert labels[chosen].bincount().tolist() in ([14, 13, 3], [13, 14, 3])
    assert not torch.equal(chosen, balanced_choice(labels, 30, 1))
    assert torch.equal(chosen, balanced_choice(labels, 30, 0))
    assert sorted(balanced_choice(labels, 83, 0).tolist()) == list(range(83))
    with pytest.raises(ValueError, match="at least 3, one per class, and at most 83"):
        balanced_choice(labels, 84, 0)


def images(n=40, size=8):
    pixels = torch.randint(0, 256, (n, 1, size, size), generator=rng(), dtype=torch.uint8)
    dataset = InMemory(pixels, torch.arange(n) % 4)
    return RealImages(dataset, dataset.checksum())


def test_maps_are_max_pooled_to_4x4_and_concatenated():
    maps = torch.arange(64.0).view(1, 1, 8, 8)
    assert pooled(maps)[0].tolist() == [16 * row + 2 * column + 9 for row in range(4) for column in range(4)]
    assert torch.equal(pooled(maps[..., :2, :2])[0], maps[0, 0, :2, :2].flatten())

    network = dcgan.Discriminator(1, 8, normalization.batch(), width=6, smallest=(1, 7))
    features = Features(network)
    shown = images().at(torch.arange(3))
    concatenated = features(shown)["features"]
    assert concatenated.shape == (3, 6 * 16 + 12 * 4 + 24)
    first = network.layers[1](network.layers[0](shown.float() / 127.5 - 1))
    assert torch.allclose(concatenated[:, : 6 * 16], first.flatten(1))


def test_features_are_cached_by_the_network_s_weights(monkeypatch):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    first, real = Features(network), images()
    cached = CachedReference(real, first, torch.device("cpu")).features()
    monkeypatch.setattr(Features, "outputs", None)
    assert torch.equal(CachedReference(real, Features(network), torch.device("cpu")).features(), cached)
    other = Features(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()))
    assert other.fingerprint != first.fingerprint


def test_principal_components_are_scikit_learns_up_to_sign():
    from sklearn.decomposition import PCA

    real = images()
    values = real.at(torch.arange(40))
    projected = principal_components(real, 5)(values)["features"]
    expected = torch.from_numpy(PCA(5).fit_transform((values.float() / 127.5 - 1).flatten(1).numpy()))
    assert torch.allclose(projected.abs(), expected.abs(), atol=1e-3)
    assert torch.allclose(pixels()(values)["features"], (values.float() / 127.5 - 1).flatten(1))


def test_k_means_features_are_pooled_by_quarters_and_reproducible():
    real = images()
    extractor = patch_centroids(real, 10)
    features = extractor(real.at(torch.arange(6)))["features"]
    assert features.shape == (6, 4 * 10)
    assert features.min() >= 0
    assert features.max() > 0
    assert patch_centroids(real, 10).fingerprint == extractor.fingerprint


def test_published_accuracies_have_a_source_and_the_plot_shows_all_features():
    assert {published.accuracy for published in PUBLISHED} >= {0.828, 1 - 0.2248}
    assert all("arXiv" in published.source for published in PUBLISHED)
    fitted = probe(two_normals(1.0, 100), (20, None), (0, 1))
    figure = plot_probes({"one": fitted, "other": fitted})
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["one", "other"]
