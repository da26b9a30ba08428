"""Penalties against closed forms, in float64 where it matters."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import nn
from torch.func import functional_call

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.penalties.base import CriticTurn
from ganexp.penalties.dragan import Dragan, perturbed
from ganexp.penalties.gradient_penalty import GradientPenalty, interpolates
from ganexp.penalties.lecam import HingeLeCam, LeCam
from ganexp.penalties.zero_centred import R1, R2

CONF = composition.conf_dir()
SHAPE = (6, 2, 3, 4)
PENALTIES = {
    "gradient_penalty": GradientPenalty,
    "r1": R1,
    "r2": R2,
    "dragan": Dragan,
    "lecam": HingeLeCam,
    "lecam_paper": LeCam,
}
ON_GRADIENTS = {name: penalty for name, penalty in PENALTIES.items() if not name.startswith("lecam")}


def draw(n, sample, seed=0):
    return sample(n, torch.Generator().manual_seed(seed))


def images(seed, dtype=torch.float64, shape=SHAPE):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def turn_of(critic, dtype=torch.float64, shape=SHAPE):
    real, fake = images(1, dtype, shape), images(2, dtype, shape)
    return CriticTurn(critic, critic, real, fake, critic(real), critic(fake), draw)


def turn_with_logits(real, fake):
    return replace(turn_of(linear(1.0)), real_logits=torch.tensor(real), fake_logits=torch.tensor(fake))


def slope(length):
    """Return weights (1, C, H, W) of the given length in every dimension at once."""
    weights = images(3, shape=(1, *SHAPE[1:]))
    return weights * length / weights.norm()


def linear(length):
    weights = slope(length)
    return lambda x: (weights * x).sum((1, 2, 3))


def quadratic(factor):
    return lambda x: factor / 2 * x.square().sum((1, 2, 3))


class Smooth(nn.Module):
    """A small critic with second derivatives everywhere and one logit a patch."""

    def __init__(self, channels=SHAPE[1]):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(channels, 3, 2), nn.Softplus(), nn.Conv2d(3, 1, 2), nn.Softplus())

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize("length", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("penalty", [GradientPenalty, Dragan])
def test_a_linear_critic_pays_for_the_distance_of_its_slope_to_1(penalty, length):
    value = penalty(weight=7.0)(turn_of(linear(length)))
    assert value.item() == pytest.approx(7 * (length - 1) ** 2, rel=1e-9, abs=1e-12)


def test_one_sided_leaves_gentle_slopes_alone():
    penalty = GradientPenalty(weight=7.0, one_sided=True)
    assert penalty(turn_of(linear(0.25))) == 0
    assert penalty(turn_of(linear(3.0))).item() == pytest.approx(7 * 4)


@pytest.mark.parametrize("penalty", [R1, R2])
def test_zero_centred_penalties_of_a_linear_critic_are_half_its_squared_slope(penalty):
    assert penalty(weight=5.0)(turn_of(linear(3.0))).item() == pytest.approx(5 / 2 * 9)


def test_r1_is_on_real_and_r2_on_fake_images():
    turn = turn_of(quadratic(2.0))  # its gradient is 2 x
    for penalty, seen in ((R1, turn.real), (R2, turn.fake)):
        expected = 5 / 2 * 4 * seen.square().sum((1, 2, 3)).mean()
        assert penalty(weight=5.0)(turn).item() == pytest.approx(expected.item())


def test_r2_alone_asks_the_critic_that_knows_the_labels_of_fakes():
    turn = replace(turn_of(linear(3.0)), fake_critic=linear(2.0))
    assert R1(weight=2.0)(turn).item() == pytest.approx(9)
    assert R2(weight=2.0)(turn).item() == pytest.approx(4)
    assert GradientPenalty(weight=1.0)(turn).item() == pytest.approx(4)


def test_the_gradient_penalty_is_taken_image_by_image_over_all_dimensions():
    turn = turn_of(quadratic(2.0))
    norms = torch.stack([2 * point.norm() for point in interpolates(turn)])
    assert GradientPenalty(weight=1.0)(turn).item() == pytest.approx((norms - 1).square().mean().item())


def test_interpolates_lie_between_their_pair_with_one_share_an_image():
    turn = turn_of(linear(1.0))
    shares = ((interpolates(turn) - turn.fake) / (turn.real - turn.fake)).flatten(1)
    assert (shares.amax(1) - shares.amin(1)).max() < 1e-9
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert shares[:, 0].unique().numel() == len(shares)


def test_interpolates_are_spread_evenly():
    shape = (4000, 1, 1, 1)
    turn = CriticTurn(
        linear(1.0), linear(1.0), torch.ones(shape), torch.zeros(shape), torch.ones(1), torch.ones(1), draw
    )
    shares = interpolates(turn).flatten().sort().values
    assert (shares - torch.linspace(0, 1, 4000)).abs().max() < 0.03


def test_surroundings_are_up_to_half_a_deviation_above_the_data():
    turn = turn_of(linear(1.0))
    noise = (perturbed(turn) - turn.real) / turn.real.std(correction=0)
    assert noise.min() >= 0
    assert noise.max() <= 0.5
    assert noise.mean() == pytest.approx(0.25, abs=0.05)
    assert noise.unique().numel() == noise.numel()


@pytest.mark.parametrize("penalty", ON_GRADIENTS.values())
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 1, 1, 1)])
def test_the_logits_may_have_any_shape(penalty, shape):
    one, other = linear(3.0), lambda x: linear(3.0)(x).view(shape)
    assert penalty()(turn_of(one)) == penalty()(turn_of(other))


def test_patches_of_an_image_are_summed():
    patches = lambda x: (slope(3.0) * x)[:, None].sum(2)  # noqa: E731
    assert patches(images(1)).shape == (6, 1, 3, 4)
    assert R1()(turn_of(patches)).item() == pytest.approx(R1()(turn_of(linear(3.0))).item())


@pytest.mark.parametrize("penalty", PENALTIES.values())
def test_gradients_reach_the_critics_parameters_as_finite_differences_say(penalty):
    critic = Smooth().double()
    names, values = zip(*critic.named_parameters(), strict=True)
    module = penalty().double().eval()  # LeCam's averages stand still

    def value(*parameters):
        return module(turn_of(partial(functional_call, critic, dict(zip(names, parameters, strict=True)))))

    gradients = torch.autograd.grad(value(*values), values, allow_unused=True)
    assert sum(g is not None and bool(g.abs().max() > 1e-6) for g in gradients) >= 3
    assert torch.autograd.gradcheck(value, values)


@pytest.mark.parametrize("penalty", ON_GRADIENTS.values())
def test_a_dead_critic_has_a_finite_gradient(penalty):
    critic = Smooth().double()
    for parameter in critic.parameters():
        nn.init.zeros_(parameter)
    penalty()(turn_of(critic)).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())


@pytest.mark.parametrize("penalty", PENALTIES.values())
def test_the_images_of_the_turn_stay_as_they_are(penalty):
    turn = turn_of(Smooth().double())
    real, fake = turn.real.clone(), turn.fake.clone()
    penalty().double().term(turn).backward()
    assert not turn.real.requires_grad
    assert not turn.fake.requires_grad
    assert torch.equal(turn.real, real)
    assert torch.equal(turn.fake, fake)


@pytest.mark.parametrize("penalty", PENALTIES.values())
def test_a_lazy_term_stands_for_the_turns_left_out(penalty):
    turn = turn_of(linear(3.0))
    assert penalty(weight=2.0, every=16).term(turn).item() == pytest.approx(16 * penalty(weight=2.0)(turn).item())
    assert penalty(weight=2.0).term(turn) == penalty(weight=2.0)(turn)
    assert penalty(weight=0.0).term(turn) == 0


@pytest.mark.parametrize("penalty", PENALTIES.values())
def test_a_schedule_is_a_factor_on_the_weight_and_needs_no_state(penalty):
    scheduled, turn = penalty(weight=2.0, schedule=lambda progress: 1 - progress), turn_of(linear(3.0))
    whole = penalty(weight=2.0)(turn).item()
    for progress in (0.0, 0.25, 1.0):
        again = penalty(weight=2.0, schedule=lambda progress: 1 - progress)
        assert again(replace(turn, read_progress=lambda progress=progress: progress)).item() == pytest.approx(
            (1 - progress) * whole
        )
    assert scheduled.state_dict().keys() == penalty().state_dict().keys()


@pytest.mark.parametrize("penalty", ON_GRADIENTS.values())
def test_autocast_changes_nothing(penalty):
    critic = Smooth()
    turn = turn_of(critic, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(turn.real).dtype == torch.bfloat16
        inside = penalty()(turn)
    assert inside.dtype == torch.float32
    exact = penalty()(replace(turn, critic=critic.double(), real=turn.real.double(), fake=turn.fake.double()))
    assert inside.item() == pytest.approx(exact.item(), rel=1e-5)


@pytest.mark.parametrize("penalty", PENALTIES.values())
def test_half_precision_images_are_penalized_in_float32(penalty):
    critic = Smooth()
    turn = turn_of(lambda x: critic(x.float()).bfloat16(), torch.bfloat16)
    assert penalty()(turn).dtype == torch.float32


def test_lecam_pulls_each_sides_logits_to_the_others_average():
    penalty = LeCam(weight=2.0).eval()
    penalty.real_average.fill_(3.0)
    penalty.fake_average.fill_(-1.0)
    turn = CriticTurn(
        linear(1.0), linear(1.0), images(1), images(2), torch.tensor([1.0, 5.0]), torch.tensor([0.0, 1.0]), draw
    )
    assert penalty(turn).item() == pytest.approx(2 * ((2**2 + 6**2) / 2 + (3**2 + 2**2) / 2))


def test_lecams_averages_follow_their_closed_form_in_training_only():
    penalty = LeCam(decay=0.9)
    turn = CriticTurn(
        linear(1.0), linear(1.0), images(1), images(2), torch.tensor([1.0, 5.0]), torch.tensor([-2.0]), draw
    )
    for _ in range(7):
        penalty(turn)
    penalty.eval()(turn)
    state = penalty.state_dict()
    assert state["real_average"].item() == pytest.approx(3 * (1 - 0.9**7))
    assert state["fake_average"].item() == pytest.approx(-2 * (1 - 0.9**7))
    again = LeCam()
    again.load_state_dict(state)
    assert again.eval()(turn) == penalty(turn)


def test_only_lecam_has_a_state():
    assert not any(penalty().state_dict() for penalty in ON_GRADIENTS.values())


@pytest.mark.parametrize("penalty", PENALTIES.values())
@pytest.mark.parametrize(
    "setting", [{"weight": -1.0}, {"weight": float("nan")}, {"weight": float("inf")}, {"every": 0}]
)
def test_impossible_settings_are_refused(penalty, setting):
    with pytest.raises(UserError, match=f"{penalty.__name__}: {next(iter(setting))}="):
        penalty(**setting)


@pytest.mark.parametrize("kind", [partial(LeCam, decay=0.9), partial(HingeLeCam, decay=0.9, start=2)])
def test_equal_parts_of_a_batch_move_lecams_averages_as_the_whole_does(kind):
    whole, parts = kind(), kind()
    for mean in (1.0, 3.0, 2.0, 5.0):
        turn = turn_with_logits([mean], [-mean])
        expected = whole(turn)
        found = [parts(replace(turn, parts=4)) for _ in range(4)]
    for name in ("real_average", "fake_average"):
        assert getattr(parts, name).item() == pytest.approx(getattr(whole, name).item())
    assert found[-1].item() == pytest.approx(expected.item())


def test_hinge_lecam_leaves_logits_on_the_near_side_alone():
    penalty = HingeLeCam(weight=2.0).eval()
    penalty.real_average.fill_(3.0)
    penalty.fake_average.fill_(-1.0)
    turn = turn_with_logits([1.0, -5.0], [0.0, 4.0])
    assert penalty(turn).item() == pytest.approx(2 * (2**2 / 2 + 3**2 / 2))
    # Separated logits are within the hinge, where both forms agree.
    apart = turn_with_logits([1.0, 5.0], [0.0, 1.0])
    both = LeCam(weight=2.0).eval()
    both.load_state_dict({name: value for name, value in penalty.state_dict().items() if name != "calls"})
    assert penalty(apart) == both(apart)


def test_hinge_lecam_starts_with_the_latest_averages_and_without_an_effect():
    penalty = HingeLeCam(weight=1.0, decay=0.9, start=3)
    means, values = [1.0, 2.0, 4.0, 8.0], []
    for mean in means:
        values.append(penalty(turn_with_logits([mean], [-mean])).item())
    assert penalty.calls == 4
    third = 0.9 * 2 + 0.1 * 4
    fourth = 0.9 * third + 0.1 * 8
    assert penalty.real_average.item() == pytest.approx(fourth)
    assert penalty.fake_average.item() == pytest.approx(-fourth)
    assert values == [0, 0, 0, pytest.approx(2 * (8 + fourth) ** 2)]
    again = HingeLeCam(weight=1.0, decay=0.9, start=3)
    again.load_state_dict(penalty.state_dict())
    turn = turn_with_logits([0.5], [0.25])
    assert again(turn) == penalty(turn)
    with pytest.raises(UserError, match="HingeLeCam: start="):
        HingeLeCam(start=-1)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_lecams_decay_is_at_least_0_and_below_1(decay):
    for penalty in (LeCam, HingeLeCam):
        with pytest.raises(UserError, match="LeCam: decay="):
            penalty(decay=decay)


def options(*names):
    """Return what the config group's options compose to, one after the other."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return {key: value for name in names for key, value in compose(f"penalty/{name}").get("penalty", {}).items()}


def resolved(*choice):
    """Return the penalties of a whole configuration."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["run_dir=unused", f"penalty={choice[0]}", *choice[1:]]).penalty


def settings(penalty):
    return {name: value for name, value in vars(penalty).items() if not name.startswith("_")}


@pytest.mark.parametrize("name", PENALTIES)
def test_options_write_out_the_defaults(name):
    # Runs from before penalties were differentiated through the augmentation go on without.
    new = {"through_augmentation": True} if name in ("r1", "r2") else {}
    built, default = build(options(name)[name]), PENALTIES[name]()
    assert type(built) is type(default)
    assert settings(built) == settings(default) | new


def test_the_falling_weights_of_r1_and_r2_are_one_choice():
    falling = {name: build(node) for name, node in resolved("r1_r2_falling", "penalty.r1.weight=2.0").items()}
    assert [type(each) for each in falling.values()] == [R1, R2]
    assert [each.weight * each.schedule(1.0) for each in falling.values()] == pytest.approx([0.2, 0.2])


def test_r1_r2_is_r1_and_r2():
    assert options("r1_r2") == options("r1", "r2")
    assert options("none") == {}
