"""The discriminator's objective: closed forms, augmentation and critics."""

import inspect

import pytest
import torch
from torch import nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.module import AdversarialModule, GameSettings
from ganexp.game.turn_inputs import TurnInputs
from ganexp.losses import Hinge, LeastSquares, NonSaturating, Relativistic
from ganexp.penalties.base import Penalty
from ganexp.penalties.zero_centred import R1, R2
from ganexp.variants.critic import Critic, PairCritic
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.generation import Generation, GenerationSettings
from ganexp.variants.objective import DiscriminatorObjective
from ganexp.variants.samplers.base import Sampler, SamplerSettings
from ganexp.variants.translation import Translation, TranslationSettings

REAL, FAKE = (torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))


class Game:
    """A game on one rank that has seen no batch."""

    world_size, batches_seen, accumulate = 1, 0, 1

    def __init__(self):
        self.trainer, self.inputs, self.watched, self.drawn = self, TurnInputs(self), {}, []

    def draw(self, purpose, n, sample):
        self.drawn.append(purpose)
        # Hashes of strings differ from process to process.
        return sample(n, torch.Generator().manual_seed(sum(map(ord, purpose))))

    def watch(self, **tensors):
        self.watched |= tensors

    def progress(self):
        return 0.0


class Shifted(Augmentation):
    """Adds a random number to every image."""

    def forward(self, images, draw):
        return images + draw(len(images), lambda n, rng: torch.rand(n, generator=rng))[:, None, None, None]


class Linear(nn.Module):
    """Logits (N,) that are linear in images, inputs and labels, and noted."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 2, 16))
        self.calls = []

    def forward(self, images, *condition):
        self.calls.append((images, *condition))
        return images.flatten(1) @ self.weight + sum(c.flatten(1).sum(1) if c.dim() > 1 else c for c in condition)


@pytest.mark.parametrize("loss", [NonSaturating(), Hinge(), LeastSquares(), Relativistic()])
def test_without_penalties_both_players_minimize_the_loss_of_the_logits(loss):
    game, network, objective = Game(), Linear(), DiscriminatorObjective(loss)
    real, fake = network(REAL), network(FAKE)
    terms = objective.discriminator(game, Critic(network), REAL, FAKE)
    assert set(terms) == {"adversarial"}
    assert torch.equal(terms["adversarial"], loss.discriminator(real, fake))
    assert torch.equal(game.watched["real"], real)
    assert torch.equal(game.watched["fake"], fake)
    terms = objective.generator(game, Critic(network), REAL, FAKE)
    assert torch.equal(terms["adversarial"], loss.generator(fake, lambda: real))


@pytest.mark.parametrize(("loss", "calls"), [(Hinge(), 1), (Relativistic(), 2)])
def test_only_a_relativistic_generator_looks_at_real_images(loss, calls):
    network = Linear()
    DiscriminatorObjective(loss).generator(Game(), Critic(network), REAL, FAKE)
    assert len(network.calls) == calls
    assert torch.equal(network.calls[0][0], FAKE)


def test_penalties_are_terms_on_their_batches_only():
    game = Game()
    objective = DiscriminatorObjective(Hinge(), {"r1": R1(weight=2.0, every=3), "r2": R2(weight=4.0), "none": None})
    network = Linear()
    squared = network.weight.square().sum()
    terms = objective.discriminator(game, Critic(network), REAL, FAKE)
    assert list(terms) == ["adversarial", "r1", "r2"]
    torch.testing.assert_close(terms["r1"], 3 * squared)
    torch.testing.assert_close(terms["r2"], 2 * squared)
    game.batches_seen = 1
    assert list(objective.discriminator(game, Critic(network), REAL, FAKE)) == ["adversarial", "r2"]


def test_penalties_get_augmented_images_and_the_critics_that_judged_them():
    class Noted(Penalty):
        def value(self, turn):
            assert torch.equal(turn.critic(turn.real), turn.real_logits)
            assert torch.equal(turn.fake_critic(turn.fake), turn.fake_logits)
            assert not torch.equal(turn.real, REAL)
            assert not turn.fake.requires_grad
            return turn.real_logits.sum() * 0

    network, labels, fake_labels = Linear(), torch.arange(6.0), torch.arange(6.0).flip(0)
    objective = DiscriminatorObjective(Hinge(), {"noted": Noted()}, Shifted())
    fake = FAKE.clone().requires_grad_()
    terms = objective.discriminator(Game(), Critic(network, labels), REAL, fake, Critic(network, fake_labels))
    assert "noted" in terms
    assert torch.equal(network.calls[0][1], labels)
    assert torch.equal(network.calls[1][1], fake_labels)


def test_the_inputs_of_a_pair_are_augmented_once_and_like_the_image():
    network, objective = Linear(), DiscriminatorObjective(Relativistic(), augmentation=Shifted())
    objective.discriminator(Game(), PairCritic(network, -REAL), REAL, FAKE)
    objective.generator(Game(), PairCritic(network, -REAL), REAL, FAKE)
    for (images, inputs), original in zip(network.calls, (REAL, FAKE, FAKE, REAL), strict=True):
        shift = images - original
        assert 0 < shift.min() < shift.max() < 1
        torch.testing.assert_close(inputs + REAL, shift)


def test_every_call_and_every_domain_has_random_numbers_of_its_own():
    game = Game()
    for domain in ("", "a"):
        objective = DiscriminatorObjective(Relativistic(), augmentation=Shifted(), domain=domain)
        objective.discriminator(game, Critic(Linear()), REAL, FAKE)
        objective.generator(game, Critic(Linear()), REAL, FAKE)
    assert len(game.drawn) == len(set(game.drawn)) == 8


def test_the_terms_of_a_critic_are_added_up_and_reach_the_generator_too():
    class Auxiliary(Critic):
        def judge(self, images):
            return self(images), {"mean": images.mean()}

    objective, critic = DiscriminatorObjective(Hinge()), Auxiliary(Linear())
    terms = objective.discriminator(Game(), critic, REAL, FAKE)
    torch.testing.assert_close(terms["mean"], REAL.mean() + FAKE.mean())
    torch.testing.assert_close(objective.generator(Game(), critic, REAL, FAKE)["mean"], FAKE.mean())


def test_two_objectives_share_no_state():
    penalties, augmentation = {"r1": R1()}, Shifted()
    one, other = (DiscriminatorObjective(Hinge(), penalties, augmentation) for _ in range(2))
    assert one.penalties["r1"] is not other.penalties["r1"]
    assert one.augmentation is not other.augmentation


@pytest.mark.parametrize(
    ("settings", "cls", "base"),
    [
        (GameSettings, AdversarialModule, None),
        (GenerationSettings, Generation, GameSettings),
        (GANSettings, GAN, GenerationSettings),
        (TranslationSettings, Translation, GameSettings),
        (SamplerSettings, Sampler, None),
    ],
)
def test_the_settings_that_variants_pass_on_are_the_arguments_of_the_constructor(settings, cls, base):
    own = inspect.signature(cls.__init__).parameters.values()
    arguments = {p.name: p.default is p.empty for p in own if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"}
    if base is not None:
        arguments |= dict.fromkeys(base.__required_keys__, True) | dict.fromkeys(base.__optional_keys__, False)
    arguments.pop("generators", None)
    assert {name for name, required in arguments.items() if required} == settings.__required_keys__
    assert {name for name, required in arguments.items() if not required} == settings.__optional_keys__
