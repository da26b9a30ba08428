"""Laws of the variational autoencoder: closed forms of its bound, of its likelihoods and of the divergence."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli as BernoulliDistribution
from torch.distributions import MultivariateNormal, Normal

from ganexp import noise
from ganexp.augmentation.differentiable import DiffAugment
from ganexp.ema import ExponentialMovingAverage
from ganexp.layers import normalization
from ganexp.networks import dcgan
from ganexp.networks.autoencoder import Autoencoder
from ganexp.networks.encoder import GaussianEncoder
from ganexp.penalties.zero_centred import R1
from ganexp.variants.likelihood import Bernoulli, Gaussian, kl_from_standard_normal
from ganexp.variants.vae import VAE
from support.stand_in_trainer import StandInTrainer
from support.tiny import SIZE, adam, sgd

LATENT, STD = 2, 0.5


def make(autoencoder, latent=LATENT, optimizer=sgd, **settings):
    game = {
        "optimizers": {"generator": optimizer},
        "schedules": {"generator": lambda _: 1.0},
        "images": 1000,
        "seed": 3,
    }
    likelihood = settings.pop("likelihood", Gaussian(STD))
    return VAE(
        likelihood=likelihood, generator=autoencoder, noise=settings.pop("noise", noise.normal), latent=latent,
        **game, **settings,
    )  # fmt: skip


def convolutional(latent=3, norm=normalization.none):
    torch.manual_seed(0)
    network = dcgan.Generator(latent, 1, SIZE, norm(), width=4)
    return Autoencoder(network, GaussianEncoder(1, SIZE, latent, norm(), width=4))


@pytest.fixture(scope="module")
def images():
    return torch.rand(6, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def terms(game, images):
    game._trainer = StandInTrainer(game)
    return game.generator_loss({"image": images})


class Affine(nn.Module):
    """z -> Wz + mean, as images (N, 1, 1, P)."""

    def __init__(self, weight, mean):
        super().__init__()
        self.weight, self.mean = nn.Parameter(weight), nn.Parameter(mean)

    def forward(self, latents):
        return (latents @ self.weight.T + self.mean)[:, None, None]


class AffineEncoder(nn.Module):
    """x -> the normal distribution with mean A(x - mean) and variances that do not depend on x."""

    def __init__(self, weight, mean, variances):
        super().__init__()
        self.weight, self.mean = nn.Parameter(weight), nn.Parameter(mean)
        self.log_variance = nn.Parameter(variances.log())

    def forward(self, image):
        means = (image.flatten(1) - self.mean) @ self.weight.T
        return means, self.log_variance.expand(len(means), -1)


@pytest.fixture
def principal_components():
    """Probabilistic PCA at its maximum likelihood (Tipping and Bishop 1999): data, autoencoder, log-likelihood."""
    rng = torch.Generator().manual_seed(0)
    data = torch.randn(40, 5, generator=rng, dtype=torch.float64) @ torch.diag(
        torch.tensor([3, 2, 0.5, 0.4, 0.3]).double()
    )
    data = data @ torch.linalg.qr(torch.randn(5, 5, generator=rng, dtype=torch.float64)).Q + 1
    mean = data.mean(0)
    values, vectors = torch.linalg.eigh((data - mean).T @ (data - mean) / len(data))
    values, vectors = values.flip(0), vectors.flip(1)
    weight = vectors[:, :LATENT] * (values[:LATENT] - STD**2).sqrt()
    # The posterior has the covariance STD^2 M^-1, which is diagonal in the basis of the eigenvectors.
    m = values[:LATENT]
    encoder = AffineEncoder(weight.T / m[:, None], mean.clone(), STD**2 / m)
    covariance = weight @ weight.T + STD**2 * torch.eye(5).double()
    likelihood = MultivariateNormal(mean, covariance).log_prob(data).mean()
    return data, Autoencoder(Affine(weight, mean.clone()), encoder), likelihood


def bound(game, data):
    """Return the evidence lower bound, in which points at +-sqrt(D) integrate a quadratic form of normal noise."""
    points = math.sqrt(LATENT) * torch.cat([torch.eye(LATENT), -torch.eye(LATENT)]).double()
    game.draw_noise = lambda player, n: points.repeat(n // len(points), 1)
    return -sum(game.generator_loss({"image": data.repeat_interleave(len(points), 0)[:, None, None]}).values())


def test_the_bound_of_a_linear_autoencoder_is_the_log_likelihood_of_probabilistic_pca(principal_components):
    data, autoencoder, likelihood = principal_components
    value = bound(make(autoencoder), data)
    assert value.item() == pytest.approx(likelihood.item(), rel=1e-12)
    value.backward()
    for name, parameter in autoencoder.named_parameters():
        assert parameter.grad.abs().max() < 1e-10, name


def test_elsewhere_the_bound_is_below_the_log_likelihood(principal_components):
    data, autoencoder, likelihood = principal_components
    with torch.no_grad():
        autoencoder.encoder.log_variance += 0.3
    # By the divergence of the codes' distribution from the posterior, whose variances are smaller by that factor.
    divergence = LATENT * 0.5 * (math.exp(0.3) - 1 - 0.3)
    assert bound(make(autoencoder), data).item() == pytest.approx(likelihood.item() - divergence, rel=1e-12)


def test_the_divergence_is_what_sampling_estimates():
    mean, log_variance = torch.tensor([[0.5, -1.0, 0.0]]).double(), torch.tensor([[0.2, -1.5, 0.0]]).double()
    code, prior = Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros(3).double(), 1.0)
    torch.manual_seed(0)
    samples = code.sample((100_000,))
    estimates = (code.log_prob(samples) - prior.log_prob(samples)).sum((1, 2))
    exact = kl_from_standard_normal(mean, log_variance)
    assert abs(estimates.mean() - exact[0]) < 4 * estimates.std() / len(estimates) ** 0.5
    assert kl_from_standard_normal(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_the_likelihoods_are_those_of_the_distributions(images):
    means = images.flip(0) * 0.9
    normal = Normal(means, 0.3).log_prob(images).flatten(1).sum(1)
    torch.testing.assert_close(-Gaussian(0.3)(means, images), normal)
    black_or_white = images.sign()
    coins = BernoulliDistribution((means + 1) / 2).log_prob((black_or_white + 1) / 2).flatten(1).sum(1)
    torch.testing.assert_close(-Bernoulli()(means, black_or_white), coins, rtol=1e-4, atol=1e-4)


def test_saturated_pixels_have_finite_terms():
    assert Bernoulli()(torch.tensor([[-1.0, 1.0]]), torch.tensor([[1.0, -1.0]])).isfinite().all()


@pytest.mark.parametrize("std", [0, -1.0, float("nan"), float("inf")])
def test_a_density_needs_a_deviation_above_0(std):
    with pytest.raises(ValueError, match="finite number above 0"):
        Gaussian(std)


def test_beta_weighs_the_divergence_alone(images):
    one, four = (terms(make(convolutional(), latent=3, beta=beta), images) for beta in (1.0, 4.0))
    assert torch.equal(one["reconstruction"], four["reconstruction"])
    torch.testing.assert_close(four["kl"], 4 * one["kl"])


@pytest.mark.parametrize(
    "settings",
    [{"penalties": {"r1": R1()}}, {"constraint": lambda network: None}, {"augmentation": DiffAugment()}],
    ids=["penalty", "constraint", "augmentation"],
)
def test_what_needs_a_discriminator_is_refused(settings):
    with pytest.raises(ValueError, match="has no discriminator: leave out"):
        make(convolutional(), latent=3, **settings)


def test_other_noise_and_other_lengths_are_refused():
    with pytest.raises(ValueError, match="standard normal prior"):
        make(convolutional(), latent=3, noise=noise.uniform)
    with pytest.raises(ValueError, match="latents of 3 values and the generator takes 4"):
        make(convolutional(), latent=4)


def test_codes_and_reconstructions_are_those_of_the_averaged_weights(images):
    game = make(convolutional(), latent=3, optimizer=adam, ema=ExponentialMovingAverage)
    with torch.no_grad():
        for parameter in game.generator.parameters():
            parameter.mul_(2)
    averaged = game.average.network
    mean, _ = averaged.encoder(images)
    assert torch.equal(game.encode(images), mean)
    torch.testing.assert_close(game.reconstruct(images), averaged.network(mean).detach())


def test_an_encoder_fails_on_images_of_another_size(images):
    with pytest.raises(RuntimeError):
        convolutional().encoder(torch.cat([images, images], 3))
