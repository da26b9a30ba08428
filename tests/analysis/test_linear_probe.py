"""Linear probes: known feature spaces have known accuracies."""

import pytest
import torch
from scipy.stats import norm
from torch import nn

from ganexp.data.memory import InMemory
from ganexp.layers import normalization
from ganexp.metrics.reference import CachedReference, RealImages
from ganexp.networks import dcgan
from ganexp.representations.features import Features, patch_centroids, pixels, pooled, principal_components
from ganexp.representations.linear_probe import PUBLISHED, Labelled, evenly, plot_probes, probe


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def two_normals(shift, n=2000, dimensions=4, seed=0):
    labels = torch.arange(2 * n) % 2
    values = torch.randn(2 * n, dimensions, generator=rng(seed))
    values[:, 0] += shift * (2 * labels - 1)
    return Labelled(values[:n], labels[:n], values[n:], labels[n:])


def test_two_normal_classes_are_told_as_often_as_the_best_line_tells_them():
    for shift in (0.5, 1.0, 2.0):
        (found,) = probe(two_normals(shift)).accuracies
        assert found.mean == pytest.approx(norm.cdf(shift), abs=0.015)


def test_features_that_know_nothing_are_at_chance_and_those_that_hold_the_class_are_perfect():
    (chance,) = probe(two_normals(0.0)).accuracies
    assert chance.mean == pytest.approx(0.5, abs=0.04)
    labels = torch.arange(300) % 10
    known = torch.nn.functional.one_hot(labels).float()
    (found,) = probe(Labelled(known[:200], labels[:200], known[200:], labels[200:])).accuracies
    assert (found.mean, found.std, found.labels) == (1, 0, 200)


def test_more_labels_tell_more_and_seeds_choose_others():
    data = two_normals(0.6, dimensions=40)
    few, more, every = probe(data, (20, 400, None), (0, 1, 2)).accuracies
    assert len(few.values) == len(more.values) == 3
    assert len(set(few.values)) > 1
    assert few.mean < more.mean <= every.mean + 0.02
    assert every.labels == 2000


def test_a_class_too_rare_to_choose_the_strength_by_is_no_obstacle():
    values = torch.randn(60, 3, generator=rng())
    labels = torch.zeros(60, dtype=torch.long)
    labels[0] = 1
    for seed in range(4):
        (found,) = probe(Labelled(values, labels, values, labels), seeds=(seed,)).accuracies
        assert found.mean >= 59 / 60


def test_labels_are_chosen_evenly_and_differ_by_seed():
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 3)
    chosen = evenly(labels, 30, 0)
    assert len(set(chosen.tolist())) == 30
    assert labels[chosen].bincount().tolist() in ([14, 13, 3], [13, 14, 3])
    assert not torch.equal(chosen, evenly(labels, 30, 1))
    assert torch.equal(chosen, evenly(labels, 30, 0))
    assert sorted(evenly(labels, 83, 0).tolist()) == list(range(83))
    with pytest.raises(ValueError, match="from 3, one a class, to 83"):
        evenly(labels, 84, 0)


def images(n=40, size=8):
    pixels = torch.randint(0, 256, (n, 1, size, size), generator=rng(), dtype=torch.uint8)
    dataset = InMemory(pixels, torch.arange(n) % 4)
    return RealImages(dataset, dataset.checksum())


def test_maps_are_max_pooled_to_4x4_and_joined():
    maps = torch.arange(64.0).view(1, 1, 8, 8)
    assert pooled(maps)[0].tolist() == [16 * row + 2 * column + 9 for row in range(4) for column in range(4)]
    assert torch.equal(pooled(maps[..., :2, :2])[0], maps[0, 0, :2, :2].flatten())

    network = dcgan.Discriminator(1, 8, normalization.batch(), width=6, smallest=(1, 7))
    features = Features(network)
    shown = images().at(torch.arange(3))
    found = features(shown)["features"]
    assert found.shape == (3, 6 * 16 + 12 * 4 + 24)
    first = network.layers[1](network.layers[0](shown.float() / 127.5 - 1))
    assert torch.allclose(found[:, : 6 * 16], first.flatten(1))


def test_features_are_kept_by_the_weights_they_come_from(monkeypatch):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    first, real = Features(network), images()
    kept = CachedReference(real, first, torch.device("cpu")).features()
    monkeypatch.setattr(Features, "outputs", None)
    assert torch.equal(CachedReference(real, Features(network), torch.device("cpu")).features(), kept)
    other = Features(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()))
    assert other.fingerprint != first.fingerprint


def test_principal_components_are_scikit_learns_up_to_sign():
    from sklearn.decomposition import PCA

    real = images()
    values = real.at(torch.arange(40))
    found = principal_components(real, 5)(values)["features"]
    expected = torch.from_numpy(PCA(5).fit_transform((values.float() / 127.5 - 1).flatten(1).numpy()))
    assert torch.allclose(found.abs(), expected.abs(), atol=1e-3)
    assert torch.allclose(pixels()(values)["features"], (values.float() / 127.5 - 1).flatten(1))


def test_k_means_features_are_near_their_own_patches_and_pooled_by_quarters():
    real = images()
    found = patch_centroids(real, 10)
    features = found(real.at(torch.arange(6)))["features"]
    assert features.shape == (6, 4 * 10)
    assert features.min() >= 0
    assert features.max() > 0
    assert patch_centroids(real, 10).fingerprint == found.fingerprint


def test_published_accuracies_say_their_source_and_the_plot_shows_all():
    assert {each.accuracy for each in PUBLISHED} >= {0.828, 1 - 0.2248}
    assert all("arXiv" in each.source for each in PUBLISHED)
    found = probe(two_normals(1.0, 100), (20, None), (0, 1))
    figure = plot_probes({"one": found, "other": found})
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["one", "other"]
