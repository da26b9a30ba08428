"""The auxiliary classifier GAN: what each player minimizes (arXiv 1610.09585, eq. 2 and 3)."""

from functools import partial

import pytest
import torch
from lightning import LightningDataModule
from torch import nn
from torch.nn.functional import cross_entropy

from ganexp import noise
from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.layers import normalization as normalizations
from ganexp.losses import Hinge, Relativistic
from ganexp.networks import acgan, dcgan
from ganexp.networks.conditional import LabelledNoise
from ganexp.penalties.gradient_penalty import GradientPenalty
from ganexp.penalties.zero_centred import R1, R2
from ganexp.variants.acgan import ACGAN, label_cross_entropy
from support.tiny import SIZE, fit, make_gan

CLASSES = 3


class Labelled(LightningDataModule):
    """24 random pictures of three classes, batches of 8."""

    batch_size, images_per_epoch = 8, 24

    def __init__(self):
        super().__init__()
        pictures = torch.rand(24, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.dataset = InMemory(pictures, torch.arange(24) % CLASSES)

    def train_dataloader(self):
        return training_loader(self.dataset, self.batch_size, 0, self.trainer)


class Noted(ACGAN):
    """Keeps the batch and the terms of each turn."""

    def __init__(self, **gan):
        super().__init__(**gan)
        self.turns = []

    def discriminator_loss(self, batch):
        terms = super().discriminator_loss(batch)
        self.turns.append(("discriminator", batch, terms))
        return terms

    def generator_loss(self, batch):
        terms = super().generator_loss(batch)
        self.turns.append(("generator", batch, terms))
        return terms


def make(cls=ACGAN, norm=normalizations.none, **settings):
    module = make_gan(cls=partial(cls, num_classes=CLASSES), **settings)
    build = partial(dcgan.Generator, channels=1, image_size=SIZE, normalization=norm(), width=4)
    module.generator = LabelledNoise(build, latent=4, num_classes=CLASSES)
    module.discriminator = acgan.Discriminator(1, SIZE, norm(), CLASSES, width=4)
    module.sampler.generator = module.generator
    return module


def test_the_discriminator_minimizes_the_cross_entropy_of_real_and_fake_labels():
    module = make(Noted, optimizer=partial(torch.optim.SGD, lr=0.0))
    fit(module, 1, data=Labelled())
    name, batch, terms = module.turns[0]
    assert name == "discriminator"
    assert set(terms) == {"adversarial", "classification"}
    label = module_draws(module, "discriminator")
    fake = module.generator(module_noise(module, "discriminator"), label)
    real_logits, real_classes = module.discriminator(batch["image"])
    fake_logits, fake_classes = module.discriminator(fake)
    expected = cross_entropy(real_classes, batch["label"]) + cross_entropy(fake_classes, label)
    torch.testing.assert_close(terms["classification"], expected)
    torch.testing.assert_close(terms["adversarial"], module.loss.discriminator(real_logits, fake_logits))


def test_the_generator_minimizes_the_cross_entropy_of_the_labels_it_drew():
    module = make(Noted, optimizer=partial(torch.optim.SGD, lr=0.0))
    fit(module, 1, data=Labelled())
    name, _, terms = module.turns[1]
    assert name == "generator"
    label = module_draws(module, "generator")
    logits, classes = module.discriminator(module.generator(module_noise(module, "generator"), label))
    torch.testing.assert_close(terms["classification"], cross_entropy(classes, label))
    torch.testing.assert_close(terms["adversarial"], module.loss.generator(logits))


def module_draws(module, player):
    """The labels of the first batch."""
    with first_batch(module):
        return module.draw_labels(player, 8)


def module_noise(module, player):
    """The noise of the first batch."""
    with first_batch(module):
        return module.draw_noise(player, 8)


class first_batch:
    def __init__(self, module):
        self.module = module

    def __enter__(self):
        self.seen, self.module.batches_seen = self.module.batches_seen, 0

    def __exit__(self, *_):
        self.module.batches_seen = self.seen


@pytest.mark.parametrize("penalty", [R1, R2, GradientPenalty])
def test_penalties_see_the_adversarial_logit_only(penalty):
    terms = []
    for factor in (1.0, 100.0):
        module = make(Noted, penalties={"penalty": penalty()}, optimizer=partial(torch.optim.SGD, lr=0.0))
        with torch.no_grad():
            module.discriminator.classes.weight.mul_(factor)
        fit(module, 1, data=Labelled())
        terms.append(module.turns[0][2])
    assert torch.equal(terms[0]["penalty"], terms[1]["penalty"])
    assert not torch.equal(terms[0]["classification"], terms[1]["classification"])


@pytest.mark.parametrize("loss", [Hinge, Relativistic])
def test_both_terms_reach_both_players(loss):
    module = make(norm=normalizations.batch)
    module.adversary.loss = loss()
    weights = {name: p for name, p in module.named_parameters() if name.endswith("weight")}
    before = {name: p.detach().clone() for name, p in weights.items()}
    fit(module, 2, data=Labelled())
    assert all(not torch.equal(before[name], p) for name, p in weights.items())
    assert set(module.read_terms()) == {
        f"{player}/{term}" for player in ("discriminator", "generator") for term in ("adversarial", "classification")
    }


def test_the_latest_samples_come_with_a_critic_of_one_logit_an_image():
    fake, critic = make().current_samples(5, {})
    assert critic(fake).shape == (5,)


def test_the_cross_entropy_of_a_sure_and_right_answer_is_nothing_and_of_a_guess_log_k():
    label = torch.tensor([2, 0])
    assert label_cross_entropy(100 * nn.functional.one_hot(label, CLASSES).bfloat16(), label).item() == pytest.approx(
        0, abs=1e-6
    )
    assert label_cross_entropy(torch.zeros(2, CLASSES), label).item() == pytest.approx(
        torch.tensor(CLASSES).log().item()
    )
    assert label_cross_entropy(torch.zeros(2, CLASSES, dtype=torch.bfloat16), label).dtype == torch.float32


@pytest.mark.parametrize("size", [8, 16, 28, 32, 64])
def test_the_discriminator_has_two_heads_at_every_size_of_dcgan(size):
    source, classes = acgan.Discriminator(3, size, normalizations.batch(), CLASSES, width=4)(
        torch.rand(2, 3, size, size)
    )
    assert source.shape == (2,)
    assert classes.shape == (2, CLASSES)


def test_each_head_has_its_own_spectral_norm():
    network = acgan.Discriminator(1, SIZE, normalizations.spectral(), CLASSES, width=4)
    with torch.no_grad():
        network.classes.parametrizations.weight.original.mul_(50)
        for _ in range(60):
            network(torch.rand(2, 1, SIZE, SIZE))
    network.eval()
    for head in (network.source, network.classes):
        assert torch.linalg.matrix_norm(head.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.01)


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match=r"^num_classes must be"):
        acgan.Discriminator(1, SIZE, normalizations.none(), 0)
    with pytest.raises(ValueError, match=r"data\.image_size to 16 or 28$"):
        acgan.Discriminator(1, 20, normalizations.none(), CLASSES)


def test_noise_may_be_truncated():
    module = make()
    module.sampler.noise = noise.normal
    module.sampler.truncate(0.5)
    assert module.sample(4, 0, [1]).shape == (4, 1, SIZE, SIZE)
