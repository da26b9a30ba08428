"""CycleGAN: the loss of the paper, and fakes from the past."""

import copy
from itertools import chain

import pytest
import torch
from torch import nn

from support.tiny import sgd
from support.translations import make, played, require_same_weights


def mean_difference(one, other):
    return (one - other).abs().mean()


def test_a_step_is_that_of_a_bare_loop():
    module = make("cyclegan", adversarial=2.0)
    a2b, b2a = (copy.deepcopy(module.generators[name]) for name in ("a2b", "b2a"))
    of_a, of_b = (copy.deepcopy(module.discriminators[name]) for name in ("a", "b"))
    batch = played(module)
    a, b = batch["input"], batch["image"]

    move_generators = sgd(chain(a2b.parameters(), b2a.parameters()))
    fake_a, fake_b = b2a(b), a2b(a)
    adversarial = (of_b(fake_b) - 1).square().mean() + (of_a(fake_a) - 1).square().mean()
    cycle = mean_difference(b2a(fake_b), a) + mean_difference(a2b(fake_a), b)
    identity = mean_difference(b2a(a), a) + mean_difference(a2b(b), b)
    (adversarial + 10 * cycle + 5 * identity).backward()
    move_generators.step()
    move_discriminators = sgd(chain(of_a.parameters(), of_b.parameters()))
    move_discriminators.zero_grad()
    for judge, real, fake in ((of_a, a, fake_a.detach()), (of_b, b, fake_b.detach())):
        (((judge(real) - 1).square().mean() + judge(fake).square().mean()) / 2).backward()
    move_discriminators.step()

    for name, network in (("a2b", a2b), ("b2a", b2a)):
        require_same_weights(module.generators[name], network)
    for name, network in (("a", of_a), ("b", of_b)):
        require_same_weights(module.discriminators[name], network)


class Itself(nn.Module):
    """The generator that leaves images alone."""

    multiple = 1

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        return images + self.shift


def test_generators_that_change_nothing_have_no_cycle_and_no_identity_loss():
    module = make("cyclegan", generator=Itself)
    played(module)
    terms = module.read_terms()
    assert [terms[f"generator/{kind}_{domain}"] for kind in ("cycle", "identity") for domain in "ab"] == [0] * 4


def test_without_an_identity_weight_there_is_no_such_term():
    module = make("cyclegan", identity=0.0)
    played(module)
    assert not [name for name in module.read_terms() if "identity" in name]


def test_the_two_generators_begin_apart_and_so_do_the_discriminators():
    module = make("cyclegan")
    for networks in (module.generators, module.discriminators):
        one, other = networks.values()
        assert not torch.equal(next(one.parameters()), next(other.parameters()))


@pytest.mark.parametrize("pool", [0, 4, 50])
def test_the_discriminators_see_fakes_of_the_past_from_a_pool(pool):
    module, made, judged = make("cyclegan", pool=pool), [], []
    module.generators["a2b"].register_forward_hook(lambda _, given, fake: made.append(fake.detach()))
    # Of its three calls a batch the third is on the fakes of its own turn.
    module.discriminators["b"].register_forward_hook(lambda _, given, answer: judged.append(given[0].detach()))
    played(module, 6)
    fakes, shown = made[0::3], judged[2::3]
    same = [
        sum(torch.equal(one, other) for one, other in zip(*pair, strict=True))
        for pair in zip(fakes, shown, strict=True)
    ]
    assert module.pools["b"].filled == min(pool, 48)
    if pool in (0, 50):
        assert same == [8] * 6
    else:
        assert sum(same[1:]) < 36
    ever = torch.cat(fakes)
    assert all(any(torch.equal(image, fake) for fake in ever) for image in torch.cat(shown))
