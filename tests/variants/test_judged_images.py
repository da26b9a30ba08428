"""Zero-centred penalties take the gradient of the logits that the discriminator's loss has."""

from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import nn

from config.test_configs import GROUPS
from ganexp.augmentation.adaptive import AdaptiveAugmentation
from ganexp.augmentation.differentiable import DiffAugment
from ganexp.game.turn_inputs import TurnInputs
from ganexp.losses import Hinge
from ganexp.penalties.dragan import Dragan
from ganexp.penalties.gradient_penalty import GradientPenalty
from ganexp.penalties.lecam import LeCam
from ganexp.penalties.zero_centred import R1, R2, ZeroCentred
from ganexp.variants.critic import Critic
from ganexp.variants.objective import DiscriminatorObjective
from support.games import Trainer, batch_of, built, tiny_with
from support.parts import thinned

BATCHES = 2
# With one mask of dropout for both passes there is something to compare; the tutorial's network is the slowest by far.
WITHOUT_DROPOUT = {"model.discriminator.network.dropout": 0.0}
SETTINGS = {
    "cgan": WITHOUT_DROPOUT,
    **dict.fromkeys(("lapgan", "lapgan_conditional"), WITHOUT_DROPOUT | {"model.discriminator.dropout": 0.0}),
}
WITHOUT_DISCRIMINATOR = ("unet_l1", "vae")
MODELS = thinned(
    [model for model in GROUPS["model"] if model not in WITHOUT_DISCRIMINATOR], 4, first=2, slow=("dcgan_tutorial",)
)


@contextmanager
def judged_again(monkeypatch):
    """Compute every penalty by a second forward pass."""
    with monkeypatch.context() as patched:
        patched.setattr(ZeroCentred, "differentiates", lambda penalty, side, images: False)
        yield


def game_of(model, settings=None, normalization="none", **groups):
    """Return a tiny game in float64 and its batch."""
    groups = {"penalty": "r1_r2", "optimizer": "sgd", "normalization": normalization} | groups
    config = tiny_with(model, {**SETTINGS.get(model, {}), **(settings or {})}, **groups)
    game = built(config).double()
    game.noise = lambda shape, rng: torch.randn(shape, generator=rng, dtype=torch.float64)
    game._trainer = Trainer(game)
    return game, {name: v.double() if v.is_floating_point() else v for name, v in batch_of(config).items()}


def trained(*arguments, **groups):
    """Return a game's weights after some batches, and its loss terms."""
    game, batch = game_of(*arguments, **groups)
    for _ in range(BATCHES):
        game.training_step(batch, 0)
    return {name: v for name, v in game.state_dict().items() if isinstance(v, torch.Tensor)}, game.read_terms()


def require_equal_training(monkeypatch, *arguments, **groups):
    state, terms = trained(*arguments, **groups)
    with judged_again(monkeypatch):
        expected_state, expected_terms = trained(*arguments, **groups)
    assert terms == pytest.approx(expected_terms, rel=1e-12, abs=1e-12)
    assert state.keys() == expected_state.keys()
    for name, value in expected_state.items():
        torch.testing.assert_close(state[name], value, rtol=1e-12, atol=1e-12, msg=lambda text, name=name: name + text)
    return terms


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.thinned(2)
def test_training_is_that_with_a_second_forward_pass(model, monkeypatch):
    # The attention of SAGAN diverges without it.
    normalization = "spectral" if model == "sagan" else "none"
    terms = require_equal_training(monkeypatch, model, normalization=normalization)
    assert any("r1" in name for name in terms)
    assert any("r2" in name for name in terms)


@pytest.mark.parametrize("normalization", ["spectral", "layer", "group", "batch_in_generator"])
def test_so_it_is_with_a_normalization_of_the_discriminator(normalization, monkeypatch):
    require_equal_training(monkeypatch, "dcgan_small", normalization=normalization)


@pytest.mark.parametrize("model", ["dcgan_small", "pix2pix"])
@pytest.mark.parametrize("augmentation", ["ada", "diffaugment", "r3gan"])
def test_so_it_is_at_augmented_images(model, augmentation, monkeypatch):
    require_equal_training(monkeypatch, model, augmentation=augmentation)


def test_so_it_is_in_parts_of_a_batch(monkeypatch):
    require_equal_training(monkeypatch, "cdcgan", {"model.accumulate": 2})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 2), nn.Softplus(), nn.Conv2d(4, 3, 2), nn.Softplus())


class Game:
    """A game on one rank."""

    world_size, batches_seen, accumulate = 1, 0, 1

    def __init__(self):
        self.trainer, self.inputs = self, TurnInputs(self)

    def draw(self, purpose, n, sample):
        return sample(n, torch.Generator().manual_seed(sum(map(ord, purpose))))

    def watch(self, **tensors):
        pass

    def progress(self):
        return 0.0


REAL, FAKE = (torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))


def terms_of(network, penalties, batches_seen=0, augmentation=None, real=REAL, fake=FAKE):
    """Return the discriminator's terms, and the images of each forward pass."""
    passes = []
    hook = network.register_forward_hook(lambda _, inputs, logits: passes.append(inputs[0]))
    game = Game()
    game.batches_seen = batches_seen
    objective = DiscriminatorObjective(Hinge(), penalties, augmentation)
    terms = objective.discriminator(game, Critic(network), real, fake)
    hook.remove()
    return terms, passes


FORWARD_PASSES = [
    ({"r1": R1()}, 2),
    ({"r1": R1(), "r2": R2(), "lecam": LeCam()}, 2),
    ({"r1": R1(), "again": R1(weight=1.0)}, 2),
    ({"gradient_penalty": GradientPenalty()}, 3),
    ({"dragan": Dragan(), "r2": R2()}, 3),
]


@pytest.mark.parametrize(("penalties", "expected"), FORWARD_PASSES)
def test_each_image_is_judged_once_where_there_are_logits(network, penalties, expected):
    assert len(terms_of(network, penalties)[1]) == expected


@pytest.mark.parametrize(("autocast", "expected"), [(False, 4), (True, 2)])
def test_under_autocast_the_setting_decides(network, autocast, expected):
    penalties = {"r1": R1(autocast=autocast), "r2": R2(autocast=autocast)}
    with torch.autocast("cpu", torch.bfloat16):
        terms, passes = terms_of(network, penalties)
    assert len(passes) == expected
    assert terms["r1"].dtype == terms["r2"].dtype == torch.float32
    exact, _ = terms_of(network, penalties)
    for name in ("r1", "r2"):
        tolerance = 0.02 if autocast else 1e-6
        assert terms[name].item() == pytest.approx(exact[name].item(), rel=tolerance)


def test_two_penalties_of_one_side_may_differ_in_precision(network):
    penalties = {"coarse": R1(autocast=True), "exact": R1()}
    with torch.autocast("cpu", torch.bfloat16):
        terms, passes = terms_of(network, penalties)
    assert len(passes) == 3
    exact, _ = terms_of(network, penalties)
    assert terms["exact"].item() == pytest.approx(exact["exact"].item(), rel=1e-6)
    assert terms["coarse"].item() != pytest.approx(exact["exact"].item(), rel=1e-6)


def test_logits_in_float16_are_never_used(network):
    with torch.autocast("cpu", torch.float16):
        assert not R1(autocast=True).differentiates("real", REAL)
        assert len(terms_of(network, {"r1": R1(autocast=True)})[1]) == 3


@pytest.mark.parametrize("batches_seen", range(6))
def test_images_require_gradients_only_where_a_penalty_is_due(network, batches_seen):
    _, (real, fake) = terms_of(network, {"r1": R1(every=2), "r2": R2(every=3), "lecam": LeCam()}, batches_seen)
    assert real.requires_grad == (batches_seen % 2 == 0)
    assert fake.requires_grad == (batches_seen % 3 == 0)
    assert not REAL.requires_grad
    assert not FAKE.requires_grad


def test_the_gradient_is_taken_at_the_augmented_images(network):
    terms, (real, _) = terms_of(network, {"r1": R1(weight=1.0)}, augmentation=DiffAugment())
    assert not torch.equal(real, REAL)
    (gradient,) = torch.autograd.grad(network(real).sum(), real)
    assert terms["r1"].item() == pytest.approx(gradient.square().sum((1, 2, 3)).mean().item() / 2)


def augmented_as_judged(augmentation, images, side):
    return augmentation(images, lambda n, sample: Game().draw(f"augmentation discriminator {side}", n, sample))


@pytest.mark.parametrize("augmentation", [DiffAugment(), AdaptiveAugmentation(p=0.9), None])
def test_through_the_augmentation_the_gradient_is_taken_at_the_images_before_it(network, augmentation):
    penalties = {"r1": R1(weight=1.0, through_augmentation=True), "r2": R2(weight=1.0, through_augmentation=True)}
    terms, passes = terms_of(network, penalties, augmentation=augmentation)
    assert len(passes) == 2
    for name, images, side in (("r1", REAL, "real"), ("r2", FAKE, "fake")):
        images = images.clone().requires_grad_()
        augmented = images if augmentation is None else augmented_as_judged(augmentation, images, side)
        (gradient,) = torch.autograd.grad(network(augmented).sum(), images)
        assert terms[name].item() == pytest.approx(gradient.square().sum((1, 2, 3)).mean().item() / 2, rel=1e-5)


def test_penalties_of_one_side_may_differ_in_where_they_take_the_gradient(network):
    penalties = {"through": R1(weight=1.0, through_augmentation=True), "behind": R1(weight=1.0)}
    both, passes = terms_of(network, penalties, augmentation=DiffAugment())
    assert len(passes) == 2
    for name, penalty in penalties.items():
        alone, _ = terms_of(network, {name: penalty}, augmentation=DiffAugment())
        assert both[name].item() == pytest.approx(alone[name].item())
    assert both["through"].item() != pytest.approx(both["behind"].item(), rel=1e-3)


def test_the_penaltys_second_derivative_passes_the_augmentation(network):
    terms, _ = terms_of(network, {"r1": R1(through_augmentation=True)}, augmentation=AdaptiveAugmentation(p=1.0))
    terms["r1"].backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    assert network[0].weight.grad.abs().max() > 0


@pytest.mark.parametrize("through", [False, True])
def test_images_judged_again_are_augmented_as_before_also_when_the_augmentation_adapts(network, through, monkeypatch):
    def values():
        objective = DiscriminatorObjective(
            Hinge(), {"r1": R1(through_augmentation=through)}, AdaptiveAugmentation(p=0.5, images_to_full=30)
        )
        turns = [objective.discriminator(Game(), Critic(network), REAL, FAKE)["r1"].item() for _ in range(8)]
        assert objective.augmentation.p != 0.5
        return turns

    expected = values()
    with judged_again(monkeypatch):
        assert values() == pytest.approx(expected, rel=1e-5)


def test_with_batch_norm_the_value_is_the_same_and_running_statistics_move_once(monkeypatch):
    def value_and_batches(context):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Softplus(), nn.Conv2d(4, 1, 3)).double()
        with context:
            terms, _ = terms_of(network, {"r1": R1()}, real=REAL.double(), fake=FAKE.double())
        return terms["r1"].item(), network[1].num_batches_tracked.item()

    value, batches = value_and_batches(nullcontext())
    expected, again = value_and_batches(judged_again(monkeypatch))
    assert value == pytest.approx(expected, rel=1e-12)
    assert (batches, again) == (2, 3)
