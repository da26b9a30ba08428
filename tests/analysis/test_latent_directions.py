"""Closed-form directions: planted ones are detected, for every kind of first layer."""

import pytest
import torch
from torch import nn

from ganexp.analysis.latent_directions import change, factorization, moved, plot_eigenvalues
from ganexp.layers import normalization
from ganexp.networks import biggan, dcgan, progan, r3gan
from ganexp.networks.conditional import LabelledNoise


def direction(size, seed=0):
    vector = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return vector / vector.norm()


def cosine(factors, planted):
    return float((factors.directions[0] @ planted).abs())


def test_a_planted_rank_one_layer_gives_its_direction():
    planted = direction(6)
    first = nn.Linear(6, 20)
    first.weight.data = torch.outer(torch.randn(20, generator=torch.Generator().manual_seed(1)), planted)
    factors = factorization(nn.Sequential(first, nn.ReLU(), nn.Linear(20, 4)), 6)
    assert factors.layers == ["0"]
    assert cosine(factors, planted) == pytest.approx(1, abs=1e-4)
    assert factors.eigenvalues[1:].max() < 1e-6 * factors.eigenvalues[0]


def test_directions_are_orthonormal_eigenvectors_of_the_weight():
    torch.manual_seed(0)
    generator = dcgan.Generator(5, 1, 8, normalization.batch(), width=4)
    weight = generator.layers[0].layer.weight.flatten(1).double()
    factors = factorization(generator.eval(), 5)
    gram = weight @ weight.T
    assert torch.allclose(factors.directions @ factors.directions.T, torch.eye(5), atol=1e-5)
    rotated = factors.directions.double() @ gram @ factors.directions.double().T
    assert torch.allclose(rotated, torch.diag(factors.eigenvalues.double()), atol=1e-6)
    assert torch.equal(factors.eigenvalues, factors.eigenvalues.sort(descending=True).values)


def test_a_label_beside_the_noise_and_a_spectral_norm_are_handled():
    torch.manual_seed(0)
    build = lambda latent: dcgan.Generator(latent, 1, 8, normalization.spectral(), width=4)  # noqa: E731
    generator = LabelledNoise(build, 5, 3).eval()
    factors = factorization(generator, 5, lambda noise: generator(noise, torch.ones(len(noise), dtype=torch.long)))
    weight = generator.network.layers[0].weight[:5].flatten(1)
    assert factors.layers == ["network.layers.0"]
    assert torch.allclose(factors.eigenvalues, torch.linalg.eigvalsh(weight @ weight.T).flip(0), atol=1e-4)


def test_all_layers_of_biggan_that_read_noise_are_used_and_the_basis_of_r3gan_once():
    torch.manual_seed(0)
    big = biggan.Generator(8, 1, 32, normalization.batch(), 3, width=2).eval()
    factors = factorization(big, 8, lambda noise: big(noise, torch.zeros(len(noise), dtype=torch.long)))
    assert len(factors.layers) == 1 + 3 * 4  # the first map, and gain and bias of two norms in each of three blocks
    assert factors.eigenvalues.min() > 0
    assert factorization(r3gan.Generator(8, 1, 8, width=16).eval(), 8).layers == ["layers.0.scale"]


def test_a_normalization_of_the_noise_is_left_out():
    generator = progan.Generator(8, 1, 8, width=4, max_width=4).eval()
    factors = factorization(generator, 8)
    assert factors.layers == ["blocks.0.0"]
    weight = generator.blocks[0][0].weight.detach().flatten(1)
    assert torch.allclose(factors.eigenvalues, torch.linalg.eigvalsh(weight @ weight.T).flip(0), atol=1e-4)


def test_a_generator_without_a_layer_on_the_noise_is_refused_and_hooks_are_removed():
    network = nn.Sequential(nn.Tanh(), nn.Linear(4, 3))
    with pytest.raises(ValueError, match="reads the noise itself"):
        factorization(network, 4)
    assert not network[1]._forward_hooks


def test_moving_along_the_planted_direction_changes_images_and_others_do_not():
    planted = direction(6)
    latents = torch.zeros(3, 6)
    changes = change(lambda noise: (noise @ planted)[:, None, None, None], latents, torch.stack([planted]), 0.5)
    assert float(changes) == pytest.approx(1)
    other = direction(6, 5)
    other = other - (other @ planted) * planted
    assert float(change(lambda noise: (noise @ planted)[:, None], latents, other[None], 1.0)) == pytest.approx(
        0, abs=1e-6
    )
    path = moved(latents, planted, torch.tensor([-1.0, 0.0, 2.0]))
    assert torch.allclose(path[1], torch.outer(torch.tensor([-1.0, 0.0, 2.0]), planted))


def test_eigenvalues_are_drawn_as_shares():
    figure = plot_eigenvalues(factorization(nn.Linear(3, 5), 3))
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == pytest.approx(1)
