"""The theorems of the papers, with the generator fixed on densities that are known.

Histograms make expectations exact: each bin's logit is repeated as often as the bin is drawn.
"""

import math

import pytest
import torch
from scipy.stats import wasserstein_distance
from torch.distributions import Normal

from ganexp.layers import normalization as normalizations
from ganexp.losses import Hinge, LeastSquares, Minimax, Relativistic, Wasserstein
from ganexp.networks.mlp import Discriminator
from ganexp.penalties.base import CriticTurn
from ganexp.penalties.gradient_penalty import GradientPenalty

BINS, DRAWS = 50, 4000


def histogram(mean, deviation):
    """Return how many of about DRAWS samples fall into each bin of [-3, 3], at least 4 in every one."""
    centres = torch.linspace(-3, 3, BINS, dtype=torch.float64)
    density = Normal(mean, deviation).log_prob(centres).exp()
    return (DRAWS * density / density.sum()).round().long() + 4


def densities():
    data, model = histogram(-1.0, 0.7), histogram(0.8, 1.1)
    return data, model, data.double() / data.sum(), model.double() / model.sum()


def fitted(loss, data, model, start=0.0):
    """Return the logits, one a bin, that minimize the discriminator's loss, and the loss."""
    bins = torch.arange(BINS)
    real, fake = bins.repeat_interleave(data), bins.repeat_interleave(model)
    table = (torch.zeros(BINS) + start).requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    for _ in range(400):
        optimizer.zero_grad()
        value = loss.discriminator(table[real], table[fake])
        value.backward()
        optimizer.step()
        schedule.step()
    return table.detach(), loss.discriminator(table.detach()[real], table.detach()[fake]).item()


def jensen_shannon(p, q):
    mixture = (p + q) / 2
    return 0.5 * (p * (p / mixture).log()).sum().item() + 0.5 * (q * (q / mixture).log()).sum().item()


def test_the_optimal_discriminator_is_the_share_of_the_data_within_0_001():
    """Proposition 1 of arXiv 1406.2661: D* = p_data / (p_data + p_g)."""
    data, model, p, q = densities()
    logits, _ = fitted(Minimax(), data, model)
    assert (Minimax().output(logits) - p / (p + q)).abs().max() < 1e-3


def test_the_value_at_the_optimum_is_the_jensen_shannon_divergence_within_0_00001():
    """Theorem 1 of arXiv 1406.2661: max over D of V is 2 JS(p_data, p_g) - 2 log 2."""
    data, model, p, q = densities()
    _, loss = fitted(Minimax(), data, model)
    divergence = jensen_shannon(p, q)
    assert divergence > 0.2
    assert -loss == pytest.approx(2 * divergence - 2 * math.log(2), abs=1e-5)


def test_equal_densities_leave_the_discriminator_at_one_half_within_0_0001():
    """Theorem 1 of arXiv 1406.2661: the value is -2 log 2 exactly where p_g = p_data."""
    data, *_ = densities()
    start = torch.randn(BINS, generator=torch.Generator().manual_seed(0))
    logits, loss = fitted(Minimax(), data, data, start)
    assert (Minimax().output(logits) - 0.5).abs().max() < 1e-4
    assert -loss == pytest.approx(-2 * math.log(2), abs=1e-6)


def test_the_generators_saturating_loss_at_the_optimum_is_its_part_of_the_value():
    data, model, p, q = densities()
    logits, _ = fitted(Minimax(), data, model)
    fake = logits[torch.arange(BINS).repeat_interleave(model)]
    assert Minimax().generator(fake).item() == pytest.approx((q * (q / (p + q)).log()).sum().item(), abs=1e-3)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-1.0, 1.0)])
def test_the_least_squares_optimum_weighs_the_labels_within_0_001(a, b):
    """Equation 5 of arXiv 1611.04076: D* = (b p_data + a p_g) / (p_data + p_g)."""
    data, model, p, q = densities()
    logits, _ = fitted(LeastSquares(a=a, b=b), data, model)
    assert (logits - (b * p + a * q) / (p + q)).abs().max() < 1e-3


def test_the_hinge_optimum_is_the_sign_of_the_difference_within_0_01():
    """Lemma 1 of arXiv 1705.02894: where p_data > p_g the score is 1, where it is less the score is -1."""
    data, model, p, q = densities()
    logits, loss = fitted(Hinge(), data, model)
    assert (logits - torch.sign(p - q)).abs().max() < 1e-2
    # The value is then 2 - |p - q|, twice the total variation.
    assert loss == pytest.approx(2 - (p - q).abs().sum().item(), abs=1e-3)


@pytest.fixture(scope="module")
def trained_on_gaussians():
    """Return a small perceptron trained between N(-0.5, 0.8) and N(0.5, 1.2)."""
    data, model = Normal(-0.5, 0.8), Normal(0.5, 1.2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Discriminator(1, 1, normalizations.none(), widths=(32, 32))
        optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1500)
        for _ in range(1500):
            optimizer.zero_grad()
            real, fake = data.sample((1024, 1)), model.sample((1024, 1))
            Minimax().discriminator(network(real), network(fake)).backward()
            optimizer.step()
            schedule.step()
    return network, data, model


@pytest.mark.slow
def test_a_perceptron_learns_the_share_of_the_data_within_0_03_everywhere(trained_on_gaussians):
    """Proposition 1 of arXiv 1406.2661, on samples, over the range that holds 99 % of both densities."""
    network, data, model = trained_on_gaussians
    points = torch.linspace(-2.5, 3.5, 200)[:, None]
    with torch.no_grad():
        output = Minimax().output(network(points))
    p, q = data.log_prob(points).exp()[:, 0], model.log_prob(points).exp()[:, 0]
    assert (output - p / (p + q)).abs().max() < 0.03


@pytest.mark.slow
def test_a_perceptrons_value_is_the_jensen_shannon_divergence_within_0_002(trained_on_gaussians):
    """Theorem 1 of arXiv 1406.2661, both sides by numerical integration over [-8, 8]."""
    network, data, model = trained_on_gaussians
    points = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    p, q = data.log_prob(points).exp(), model.log_prob(points).exp()
    p, q = p / p.sum(), q / q.sum()
    with torch.no_grad():
        probability = Minimax().output(network(points.float()[:, None])).double()
    value = (p * probability.log()).sum() + (q * (1 - probability).log()).sum()
    optimum = 2 * jensen_shannon(p, q) - 2 * math.log(2)
    assert value.item() == pytest.approx(optimum, abs=2e-3)
    assert value.item() <= optimum + 1e-6


def test_the_relativistic_optimum_is_the_log_ratio_of_the_densities_up_to_a_constant_within_0_01():
    """Of a pair (x, y) the odds that x is the real one are p(x) q(y) : p(y) q(x) (arXiv 1807.00734)."""
    bins = 12
    centres = torch.linspace(-2, 2, bins, dtype=torch.float64)
    p, q = (Normal(mean, 1.0).log_prob(centres).exp() * 40 for mean in (-0.4, 0.5))
    p, q = p.round().long() + 4, q.round().long() + 4
    real, fake = (torch.arange(bins).repeat_interleave(count) for count in (p, q))
    pairs = torch.cartesian_prod(real, fake)
    table = torch.zeros(bins, requires_grad=True)
    optimizer = torch.optim.LBFGS([table], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = Relativistic().discriminator(table[pairs[:, 0]], table[pairs[:, 1]])
        value.backward()
        return value

    optimizer.step(loss)
    ratio = (p.double() / q.double()).log()
    assert (table.detach() - table.mean().item() - (ratio - ratio.mean())).abs().max() < 1e-2


@pytest.mark.slow
def test_a_penalized_critics_value_is_the_wasserstein_distance_within_3_percent():
    """Equation 2 of arXiv 1701.07875, slopes above 1 penalized as in arXiv 1704.00028.

    Where the distribution functions of the two differ by d and interpolates have density r, the best slope is
    1 + d / (2 weight r): with this weight the value is 2 % above the distance.
    """
    points = (torch.arange(1000) + 0.5) / 1000
    data, model = Normal(-0.5, 0.5).icdf(points), Normal(0.5, 1.5).icdf(points)
    rng = torch.Generator().manual_seed(0)
    penalty = GradientPenalty(weight=50.0, one_sided=True)

    def batch(values):
        return values[torch.randint(1000, (256,), generator=rng)].view(-1, 1, 1, 1)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = Discriminator(1, 1, normalizations.none(), widths=(64, 64))
    optimizer = torch.optim.Adam(critic.parameters(), lr=5e-3, betas=(0.5, 0.9))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000)
    for _ in range(1000):
        real, fake = batch(data), batch(model)
        real_logits, fake_logits = critic(real), critic(fake)
        turn = CriticTurn(critic, critic, real, fake, real_logits, fake_logits, lambda n, sample: sample(n, rng))
        optimizer.zero_grad()
        (Wasserstein().discriminator(real_logits, fake_logits) + penalty.term(turn)).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        value = -Wasserstein().discriminator(critic(data.view(-1, 1, 1, 1)), critic(model.view(-1, 1, 1, 1)))
    assert value.item() == pytest.approx(wasserstein_distance(data.numpy(), model.numpy()), rel=0.03)
