"""Laws of the VAE-GAN: what each player minimizes, and whose gradients each loss has."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganexp import noise
from ganexp.augmentation.base import Augmentation
from ganexp.ema import ExponentialMovingAverage
from ganexp.layers import normalization
from ganexp.losses import NonSaturating
from ganexp.networks import dcgan, mlp
from ganexp.networks.encoder import GaussianEncoder
from ganexp.variants.likelihood import kl_from_standard_normal, reparameterized
from ganexp.variants.vaegan import VAEGAN
from support.stand_in_trainer import StandInTrainer
from support.tiny import sgd

LATENT, SIDE, N = 3, 16, 4
PLAYERS = ("discriminator", "encoder", "generator")


def make(**settings):
    torch.manual_seed(0)
    game = {
        "optimizers": dict.fromkeys(PLAYERS, sgd),
        "schedules": dict.fromkeys(PLAYERS, lambda _: 1.0),
        "images": 1000,
        "seed": 3,
        "encoder": GaussianEncoder(1, SIDE, LATENT, normalization.none(), width=4),
        "generator": dcgan.Generator(LATENT, 1, SIDE, normalization.none(), width=4),
        "discriminator": dcgan.Discriminator(1, SIDE, normalization.none(), width=4),
        "loss": NonSaturating(),
        "noise": noise.normal,
        "latent": LATENT,
    }
    module = VAEGAN(**{**game, **settings})
    module._trainer = StandInTrainer(module)
    return module


@pytest.fixture(scope="module")
def batch():
    return {"image": torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1}


def features(game, images, layer):
    """Return the maps after the discriminator's hidden layer of that number, without hooks."""
    layers = list(game.discriminator.layers)
    ends = [number for number, module in enumerate(layers) if isinstance(module, nn.LeakyReLU)]
    return nn.Sequential(*layers[: ends[layer - 1] + 1])(images)


def distance(game, images, originals, layer):
    difference = features(game, images, layer) - features(game, originals, layer)
    return 0.5 * difference.square().flatten(1).sum(1).mean()


def codes(game, player, images):
    mean, log_variance = game.encoder(images)
    return reparameterized(mean, log_variance, game.draw_noise(player, N))


@pytest.mark.parametrize("layer", [1, 2])
def test_the_losses_are_those_of_algorithm_1(layer, batch):
    game, real = make(gamma=0.3, beta=2.0, layer=layer), batch["image"]
    mean, log_variance = game.encoder(real)
    expected = {
        "kl": 2 * kl_from_standard_normal(mean, log_variance).mean(),
        "reconstruction": distance(game, game.generator(codes(game, "encoder", real)), real, layer),
    }
    torch.testing.assert_close(game.encoder_loss(batch), expected)

    fake = game.generator(torch.cat([codes(game, "generator code", real), game.draw_noise("generator", N)]))
    expected = {
        "adversarial": softplus(-game.discriminator(fake)).mean(),
        "reconstruction": 0.3 * distance(game, fake[:N], real, layer),
    }
    torch.testing.assert_close(game.generator_loss(batch), expected)

    codes_and_noise = torch.cat([codes(game, "discriminator code", real), game.draw_noise("discriminator", N)])
    on_fake = softplus(game.discriminator(game.generator(codes_and_noise))).mean()
    expected = {"adversarial": softplus(-game.discriminator(real)).mean() + on_fake}
    torch.testing.assert_close(game.discriminator_loss(batch), expected)


def test_the_last_layer_is_the_default_and_others_are_refused():
    assert make().layer == 2
    for layer in (0, 3):
        with pytest.raises(ValueError, match=f"model.layer={layer}: the discriminator has the hidden layers 1 to 2"):
            make(layer=layer)


def test_features_of_a_perceptron_are_compared_too(batch):
    discriminator = mlp.Discriminator(1, SIDE, normalization.none(), widths=(5, 4))
    game = make(discriminator=discriminator, beta=0.0)
    fake = game.generator(codes(game, "encoder", batch["image"]))
    expected = distance(game, fake, batch["image"], layer=2)
    torch.testing.assert_close(game.encoder_loss(batch)["reconstruction"], expected)


def test_the_encoder_gets_no_gradient_from_the_adversary(batch):
    game = make()
    sum(game.generator_loss(batch).values()).backward()
    assert all(parameter.grad is None for parameter in game.encoder.parameters())
    assert all(parameter.grad is not None for parameter in game.generator.parameters())


class Flip(Augmentation):
    """Mirrors every image, so that features of a mirrored and of an unmirrored image would differ."""

    def __call__(self, images, draw):
        return images.flip(3)


def test_originals_are_augmented_as_their_reconstructions(batch):
    game = make(augmentation=Flip())
    fake = game.generator(codes(game, "encoder", batch["image"]))
    expected = distance(game, fake.flip(3), batch["image"].flip(3), game.layer)
    torch.testing.assert_close(game.encoder_loss(batch)["reconstruction"], expected)


def test_both_averages_follow_and_the_averaged_encoder_encodes(batch):
    game = make(ema=ExponentialMovingAverage)
    averages = {player.name: player.average for player in game.players()}
    assert averages["discriminator"] is None
    assert averages["encoder"] is game.encoder_average
    with torch.no_grad():
        for parameter in game.encoder.parameters():
            parameter.mul_(2)
    mean, _ = game.encoder_average.network(batch["image"])
    assert torch.equal(game.encode(batch["image"]), mean)
