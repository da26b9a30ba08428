"""Models that make images from images, built from their settings."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from config.test_configs import compose
from ganexp.config.build import build
from ganexp.layers.normalization import ImageStatisticsBatchNorm
from ganexp.losses import Hinge
from ganexp.networks import translator, unet

NORMS = nn.BatchNorm2d | nn.InstanceNorm2d


def normalized_spectrally(layer):
    return parametrize.is_parametrized(layer, "weight")


@pytest.mark.parametrize("weights", ["spectral", "batch_spectral"])
def test_hinge_and_spectral_are_the_sn_patchgan(weights):
    config = compose("model=pix2pix", "data.image_size=64", "loss=hinge", f"normalization={weights}")
    config.model.generator.width = config.model.discriminator.width = 2
    game = build(config.model)
    assert isinstance(game.loss, Hinge)
    convolutions = [m for m in game.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert all(normalized_spectrally(each) for each in convolutions)
    norms = [m for m in game.generators.modules() if isinstance(m, NORMS)]
    # Of 6 halvings and 6 doublings, neither the first, the innermost nor the last.
    assert len(norms) == 4 + 5
    assert {type(each) for each in norms} == {nn.InstanceNorm2d if weights == "spectral" else nn.BatchNorm2d}
    assert not any(isinstance(m, NORMS) for m in game.discriminator.modules())
    images = torch.randn(1, 1, 64, 64)
    assert game.discriminator(images, images).shape == (1, 1, 8, 8)


@pytest.mark.parametrize(("model", "other"), [("pix2pix", "resnet"), ("cyclegan", "unet")])
def test_the_generators_network_is_a_choice(model, other):
    kinds = {"unet": unet.Generator, "resnet": translator.Generator}
    config = compose(f"model={model}", f"model/translator@model.generator={other}", "data.image_size=16")
    config.model.generator.width = config.model.discriminator.width = 2
    game = build(config.model)
    assert all(isinstance(network, kinds[other]) for network in game.generators.values())
    assert game.translate(torch.randn(1, 1, 16, 16)).shape == (1, 1, 16, 16)


def test_an_average_is_an_override_away():
    config = compose("model=pix2pix", "model.ema=${ema}", "data.image_size=16")
    config.model.generator.width = config.model.discriminator.width = 2
    assert build(config.model).average.decay == 0.999
    config.model.ema = None
    assert build(config.model).average is None


def test_the_discriminators_of_the_papers_have_30x30_logits():
    for name in ("pix2pix_facades", "cyclegan_horse2zebra", "cut_horse2zebra"):
        with torch.device("meta"):
            game = build(compose(f"experiment={name}").model)
            images = torch.empty(1, 3, 256, 256)
            inputs = (images, images) if "pix2pix" in name else (images,)
            assert game.discriminator(*inputs).shape == (1, 1, 30, 30)


def test_batches_of_four_have_batch_normalization_and_are_tested_by_each_images_own_statistics():
    with torch.device("meta"):
        game = build(compose("experiment=pix2pix_edges2shoes").model)
    norms = [module for module in game.modules() if isinstance(module, NORMS)]
    assert all(isinstance(module, nn.BatchNorm2d) for module in norms)
    assert sum(isinstance(module, ImageStatisticsBatchNorm) for module in norms) == 6 + 7
    assert game.describe_samples(0)["dropout"] == "a mask for each image"


def test_cut_has_the_settings_of_its_authors_code():
    config = compose("model=cut", "data=horse2zebra")
    assert (config.model.first, config.model.nce, config.model.identity) == ("discriminator", 0.5, 0.5)
    config.model.generator.width = config.model.discriminator.width = 4
    game = build(config.model)
    maps = game.generators["a2b"].features(torch.zeros(1, 3, 16, 16))
    assert [each.shape[-1] for each in maps] == [22, 16, 8, 4, 4]
    for network in (game.generators, game.discriminator):
        assert not any(list(m.parameters()) for m in network.modules() if isinstance(m, NORMS))
    hidden = game.generators["projection"].perceptrons[3][0].weight
    assert hidden.std().item() == pytest.approx(0.02 * math.sqrt(2 / (16 + 256)), rel=0.05)
