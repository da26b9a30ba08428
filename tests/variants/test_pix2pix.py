"""pix2pix: the loss of the paper, and pairs that are seen alike."""

import copy

import pytest
import torch
from torch.nn.functional import softplus

from ganexp.augmentation.differentiable import DiffAugment
from ganexp.penalties.gradient_penalty import GradientPenalty
from support.tiny import sgd
from support.translations import make, played, require_same_weights


def descend(network, loss):
    optimizer = sgd(network.parameters())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def test_a_step_is_that_of_a_bare_loop():
    module = make("pix2pix")
    generator, discriminator = copy.deepcopy(module.generators["a2b"]), copy.deepcopy(module.discriminator)
    batch = played(module)
    given, real = batch["input"], batch["image"]
    fake = generator(given)
    descend(generator, softplus(-discriminator(fake, given)).mean() + 100 * (fake - real).abs().mean())
    fake = fake.detach()
    descend(discriminator, softplus(-discriminator(real, given)).mean() + softplus(discriminator(fake, given)).mean())
    require_same_weights(module.generators["a2b"], generator)
    require_same_weights(module.discriminator, discriminator)


def test_a_step_in_the_other_order_and_with_half_the_discriminators_loss_is_that_of_a_bare_loop():
    module = make("pix2pix", first="discriminator", judgement=0.5)
    assert [player.name for player in module.players()] == ["discriminator", "generator"]
    generator, discriminator = copy.deepcopy(module.generators["a2b"]), copy.deepcopy(module.discriminator)
    batch = played(module)
    given, real = batch["input"], batch["image"]
    fake = generator(given)
    judged = discriminator(real, given), discriminator(fake.detach(), given)
    descend(discriminator, (softplus(-judged[0]).mean() + softplus(judged[1]).mean()) / 2)
    descend(generator, softplus(-discriminator(fake, given)).mean() + 100 * (fake - real).abs().mean())
    require_same_weights(module.generators["a2b"], generator)
    require_same_weights(module.discriminator, discriminator)
    assert module.inputs.handed_over == {}


@pytest.mark.parametrize("variant", ["pix2pix", "cut"])
def test_an_unknown_player_cannot_be_first(variant):
    with pytest.raises(ValueError, match="first=both: choose one of generator, discriminator"):
        make(variant, first="both").players()


def test_both_sides_of_a_pair_are_distorted_alike():
    module = make("pix2pix", augmentation=DiffAugment(["translation", "cutout"]))
    played(module)
    images = torch.rand(8, 1, 8, 8)
    judged = module.adversary._judge(module, "any", module.critic(-images), images)
    one, (other,), alone = judged.images, judged.critic.condition, images
    assert torch.equal(one, -other)
    assert not torch.equal(one, alone)


def test_a_penalty_looks_at_the_targets_side_alone():
    class OfInputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = torch.nn.Parameter(torch.ones(()))

        def forward(self, images, inputs):
            return 1e3 * self.gain * inputs.mean((1, 2, 3)) + 0 * images.mean((1, 2, 3))

    module = make("pix2pix", penalties={"gradient_penalty": GradientPenalty(weight=1.0)})
    module.discriminator = OfInputs()
    played(module)
    assert module.read_terms()["discriminator/gradient_penalty"] == pytest.approx(1, abs=1e-5)


def test_the_discriminator_judges_what_the_generator_made_before_its_move():
    judged, made = [], []
    module = make("pix2pix")
    module.generators["a2b"].register_forward_hook(lambda *arguments: made.append(arguments[-1].detach()))
    module.discriminator.register_forward_hook(lambda _, inputs, __: judged.append(inputs[0].detach()))
    played(module, 2)
    for turn in range(2):
        of_generator, _, of_discriminator = judged[3 * turn : 3 * turn + 3]
        assert torch.equal(of_generator, made[turn])
        assert torch.equal(of_discriminator, made[turn])
    assert module.inputs.handed_over == {}
