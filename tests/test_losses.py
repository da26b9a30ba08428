"""Losses against the papers' formulas, in float64 and written naively."""

import math

import pytest
import torch

from ganexp.losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating, Relativistic, Wasserstein

LOSSES = {
    "minimax": Minimax(),
    "nonsaturating": NonSaturating(),
    "hinge": Hinge(),
    "lsgan": LeastSquares(),
    "wasserstein": Wasserstein(),
}


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def discriminator_formula(name, real, fake):
    if name in ("minimax", "nonsaturating"):
        return -(torch.log(sigmoid(real)).mean() + torch.log(1 - sigmoid(fake)).mean())
    if name == "hinge":
        zero = torch.zeros((), dtype=torch.float64)
        return torch.maximum(zero, 1 - real).mean() + torch.maximum(zero, 1 + fake).mean()
    if name == "wasserstein":
        return -(real.mean() - fake.mean())
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


def generator_formula(name, fake):
    return {
        "minimax": torch.log(1 - sigmoid(fake)).mean(),
        "nonsaturating": -torch.log(sigmoid(fake)).mean(),
        "hinge": -fake.mean(),
        "lsgan": 0.5 * ((fake - 1) ** 2).mean(),
        "wasserstein": -fake.mean(),
    }[name]


def unasked():
    raise AssertionError("only a relativistic loss pays for the real batch's logits")


def logits(*shape, seed=0):
    return 3 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(64,), (8, 1, 5, 5)])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_the_papers_formulas(name, shape):
    loss: Loss = LOSSES[name]
    real, fake = logits(*shape), logits(*shape, seed=1)
    expected = discriminator_formula(name, real, fake).item()
    assert loss.discriminator(real, fake).item() == pytest.approx(expected, rel=1e-6)
    expected = generator_formula(name, fake).item()
    assert loss.generator(fake, unasked).item() == pytest.approx(expected, rel=1e-6)
    assert loss.generator(fake).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_output_is_a_probability_or_the_score_itself(name):
    scores = logits(16)
    expected = sigmoid(scores) if name in ("minimax", "nonsaturating") else scores
    assert torch.allclose(LOSSES[name].output(scores), expected.float())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_float32_whatever_comes_in(name, dtype):
    real, fake, loss = logits(1000).to(dtype), logits(1000, seed=1).to(dtype), LOSSES[name]
    with torch.autocast("cpu", torch.bfloat16):
        values = loss.discriminator(real, fake), loss.generator(fake, unasked), loss.output(fake)
    assert {value.dtype for value in values} == {torch.float32}
    expected = discriminator_formula(name, real.double(), fake.double()).item()
    assert values[0].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_stay_finite_at_extreme_logits(name):
    extreme = torch.tensor([-1e4, 1e4], requires_grad=True)
    for value in (LOSSES[name].discriminator(extreme, extreme), LOSSES[name].generator(extreme)):
        assert value.isfinite()
        (gradient,) = torch.autograd.grad(value, extreme)
        assert gradient.isfinite().all()


def test_only_the_nonsaturating_loss_keeps_a_gradient_at_a_confident_discriminator():
    def gradient(function):
        logit = torch.tensor([-120.0], requires_grad=True)
        return torch.autograd.grad(function(logit), logit)[0].item()

    assert gradient(NonSaturating().generator) == pytest.approx(-1)
    assert abs(gradient(lambda logit: -torch.log(torch.sigmoid(logit) + 1e-8).mean())) < 1e-9
    assert abs(gradient(Minimax().generator)) < 1e-9


def test_nonsaturating_and_minimax_share_the_discriminators_loss_and_the_generators_fixed_point():
    real, fake = logits(64), logits(64, seed=1)
    assert Minimax().discriminator(real, fake) == NonSaturating().discriminator(real, fake)
    undecided = torch.zeros(4)
    assert Minimax().discriminator(undecided, undecided).item() == pytest.approx(2 * math.log(2))
    assert NonSaturating().generator(undecided).item() == pytest.approx(math.log(2))
    assert Minimax().generator(undecided).item() == pytest.approx(-math.log(2))


def test_hinge_is_zero_with_a_zero_gradient_beyond_the_margin():
    real = torch.tensor([1.5, 3.0], requires_grad=True)
    fake = torch.tensor([-1.5, -3.0], requires_grad=True)
    value = Hinge().discriminator(real, fake)
    assert value == 0
    assert not any(gradient.any() for gradient in torch.autograd.grad(value, [real, fake]))
    assert Hinge().discriminator(torch.zeros(2), torch.zeros(2)) == 2


def test_least_squares_takes_other_labels():
    real, fake = torch.tensor([1.0]), torch.tensor([-1.0])
    pearson = LeastSquares(a=-1, b=1, c=0)
    assert pearson.discriminator(real, fake) == 0
    assert pearson.generator(fake) == 0.5


def test_the_critics_value_is_the_difference_of_the_means_whatever_is_added_to_all_scores():
    real, fake, critic = logits(64), logits(64, seed=1), Wasserstein()
    assert critic.discriminator(real, fake).item() == pytest.approx((fake.mean() - real.mean()).item(), rel=1e-6)
    assert critic.discriminator(real + 5, fake + 5).item() == pytest.approx(
        critic.discriminator(real, fake).item(), abs=1e-5
    )
    assert critic.discriminator(real, fake) == -critic.discriminator(fake, real)


def relativistic(real, fake):
    return Relativistic().discriminator(real, fake), Relativistic().generator(fake, lambda: real)


@pytest.mark.parametrize("shape", [(64,), (8, 1, 5, 5)])
def test_the_relativistic_loss_is_its_formula_on_pairs(shape):
    real, fake = logits(*shape), logits(*shape, seed=1)
    discriminator, generator = relativistic(real, fake)
    assert discriminator.item() == pytest.approx(-torch.log(sigmoid(real - fake)).mean().item(), rel=1e-6)
    assert generator.item() == pytest.approx(-torch.log(sigmoid(fake - real)).mean().item(), rel=1e-6)
    assert torch.equal(Relativistic().output(real), real.float())


def test_the_relativistic_players_mirror_each_other():
    real, fake = logits(64), logits(64, seed=1)
    assert relativistic(real, fake) == relativistic(fake, real)[::-1]
    assert relativistic(real, real)[0].item() == relativistic(real, real)[1].item() == pytest.approx(math.log(2))


def test_the_relativistic_loss_is_blind_to_what_is_added_to_all_logits():
    real, fake = logits(64), logits(64, seed=1)
    for one, other in zip(relativistic(real, fake), relativistic(real + 7, fake + 7), strict=True):
        assert one.item() == pytest.approx(other.item(), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_relativistic_loss_is_float32_whatever_comes_in(dtype):
    real, fake = logits(1000).to(dtype), logits(1000, seed=1).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        values = relativistic(real, fake)
    assert {value.dtype for value in values} == {torch.float32}
    expected = -torch.log(sigmoid(real.double() - fake.double())).mean().item()
    assert values[0].item() == pytest.approx(expected, rel=1e-5)


def test_the_relativistic_gradient_stays_finite_and_full_where_the_discriminator_is_sure():
    real, fake = torch.full((2,), 1e4, requires_grad=True), torch.full((2,), -1e4, requires_grad=True)
    sure, wronged = relativistic(real, fake)
    assert sure == 0
    assert torch.autograd.grad(wronged, fake)[0].tolist() == [-0.5, -0.5]


def test_the_relativistic_generator_needs_the_real_batch():
    with pytest.raises(ValueError, match="give it both"):
        Relativistic().generator(torch.zeros(2))
