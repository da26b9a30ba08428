"""Laws of the BiGAN: pairs of images and latents, and an encoder that inverts the generator at the optimum."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganexp import noise
from ganexp.layers import normalization
from ganexp.losses import Hinge, NonSaturating
from ganexp.networks import dcgan, joint
from ganexp.networks.autoencoder import Autoencoder
from ganexp.networks.encoder import Encoder
from ganexp.variants.bigan import BiGAN
from support.stand_in_trainer import StandInTrainer
from support.tiny import sgd

LATENT, SIDE, N = 3, 8, 4
PLAYERS = ("discriminator", "generator")


def make(**settings):
    torch.manual_seed(0)
    norm = normalization.none()
    game = {
        "optimizers": dict.fromkeys(PLAYERS, sgd),
        "schedules": dict.fromkeys(PLAYERS, lambda _: 1.0),
        "images": 1000,
        "seed": 3,
        "generator": Autoencoder(
            dcgan.Generator(LATENT, 1, SIDE, norm, width=4), Encoder(1, SIDE, LATENT, norm, width=4)
        ),
        "discriminator": joint.Discriminator(1, SIDE, LATENT, norm, width=4, hidden=8),
        "loss": NonSaturating(),
        "noise": noise.uniform,
        "latent": LATENT,
    }
    module = BiGAN(**{**game, **settings})
    module._trainer = StandInTrainer(module)
    return module


@pytest.fixture(scope="module")
def batch():
    return {"image": torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1}


def logits(game, player, real):
    """Return the logits of real images with codes, and of latents with fakes, in a player's turn."""
    latents = game.draw_noise(player, N)
    return (
        game.discriminator(real, game.generator.encoder(real)),
        game.discriminator(game.generator.network(latents), latents),
    )


def test_the_players_minimize_the_same_loss_with_the_pairs_exchanged(batch):
    game = make()
    on_real, on_fake = logits(game, "discriminator", batch["image"])
    expected = {"adversarial": softplus(-on_real).mean() + softplus(on_fake).mean()}
    torch.testing.assert_close(game.discriminator_loss(batch), expected)
    on_real, on_fake = logits(game, "generator", batch["image"])
    expected = {"adversarial": softplus(on_real).mean() + softplus(-on_fake).mean()}
    torch.testing.assert_close(game.generator_loss(batch), expected)


def test_both_networks_of_the_second_player_have_gradients(batch):
    game = make(loss=Hinge())
    sum(game.generator_loss(batch).values()).backward()
    for network in (game.generator.network, game.generator.encoder):
        assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_a_discriminator_of_pairs_depends_on_both(batch):
    discriminator = make().discriminator
    latents = torch.randn(N, LATENT, requires_grad=True)
    images = batch["image"].clone().requires_grad_()
    gradients = torch.autograd.grad(discriminator(images, latents).sum(), [images, latents])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


class Points(nn.Module):
    """z -> (2z, 1 - z), which a linear encoder inverts."""

    def forward(self, latents):
        return torch.cat([2 * latents, 1 - latents], 1)[:, :, None, None]


class Half(nn.Module):
    """x -> a multiple of its first value: of a half of it, the inverse."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, images):
        return self.factor * images[:, :1, 0, 0]


class OfPairs(nn.Module):
    """A discriminator of pairs; it has a weight, as an optimizer needs one."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0))

    def forward(self, images, latents):
        return torch.sin(images[:, 0, 0, 0] + self.weight * latents[:, 0])


@pytest.mark.parametrize(("factor", "alike"), [(0.5, True), (0.4, False)])
def test_pairs_are_alike_to_any_discriminator_where_the_encoder_inverts_the_generator(factor, alike):
    # Theorem 2, on real images that are the generator's own.
    game = make(generator=Autoencoder(Points(), Half(factor)), discriminator=OfPairs(), latent=1)
    latents = torch.rand(100, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    game.draw_noise = lambda player, n: latents
    game.discriminator_loss({"image": Points()(latents)})
    assert torch.allclose(game.watched["real"], game.watched["fake"], atol=1e-6) is alike


def test_the_judged_pair_of_a_real_image_is_the_image_and_its_code(batch):
    game = make().eval()
    images = batch["image"]
    torch.testing.assert_close(game.judge(images), game.discriminator(images, game.encode(images)))


def test_the_doctors_critic_has_the_latents_of_the_samples(batch):
    game = make()
    images, critic = game.current_samples(N, batch)
    torch.testing.assert_close(critic(images), game.discriminator(images, game.sampler.current_noise(N, 0)))


def test_an_encoder_of_other_latents_is_refused():
    with pytest.raises(ValueError, match="latents of 3 values and the generator takes 4"):
        make(latent=4)
