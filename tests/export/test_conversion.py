"""Conversion to plain layers: the same function, without parametrizations and without random masks."""

import math

import pytest
import torch
from torch.nn.utils import parametrize

from ganexp.errors import UserError
from ganexp.export.check import largest_difference
from ganexp.export.conversion import FixedMask, converted, dropouts
from ganexp.export.portable import as_tuple, portable_discriminator, portable_generator, portable_translator
from ganexp.layers import normalization
from ganexp.networks import dcgan, unet
from support.games import built, tiny_model

SIDE = 16


def test_spectrally_normalized_weights_become_plain_weights_of_the_same_function():
    network = dcgan.Discriminator(1, 8, normalization.spectral(2.0), width=4).eval()
    images = torch.randn(3, 1, 8, 8)
    plain = converted(network, lambda copy: copy(images))
    assert any(map(parametrize.is_parametrized, network.modules()))
    assert not any(map(parametrize.is_parametrized, plain.modules()))
    # The copy shares nothing with the network, which must go on as it was.
    network.train()
    network(images)
    network.eval()
    plain = converted(network, lambda copy: copy(images))
    torch.testing.assert_close(plain(images), network(images))


def test_dropout_of_evaluation_has_its_mask_in_the_network():
    torch.manual_seed(0)
    network = unet.Generator(1, SIDE, normalization.instance(), width=4, max_width=8, dropout_at_test=True).eval()
    images = torch.randn(3, 1, SIDE, SIDE)
    plain = converted(network, lambda copy: copy(images))
    assert sum(isinstance(module, FixedMask) for module in plain.modules()) == len(dropouts(network)) > 0
    assert torch.equal(plain(images), network(images))


@pytest.mark.parametrize("dropout", [True, False])
def test_a_translator_is_of_one_size_only_where_its_masks_are(dropout):
    model = built(tiny_model("pix2pix")).eval()
    portable = portable_translator(model, "a2b", 1, SIDE, dropout)
    inputs = portable.example(0, batch=2, taller=1)
    assert inputs["image"].shape == (2, 1, SIDE if dropout else SIDE + model.multiple, SIDE)
    outputs = portable.plain()(**inputs)
    assert torch.equal(outputs, model.translate(inputs["image"])) is dropout


@pytest.mark.parametrize("model", ["cdcgan", "biggan", "wgan_gp"])
def test_the_converted_generator_draws_the_models_samples(model):
    game = built(tiny_model(model)).eval()
    portable = portable_generator(game, None)
    plain = portable.plain()
    assert largest_difference(portable, lambda inputs: as_tuple(plain(**inputs))) < 1e-5
    noise = game.sampler.numbered_noise(torch.arange(4), seed=0)
    labels = {"labels": torch.arange(4) % game.num_classes} if hasattr(game, "num_classes") else {}
    given = [labels["labels"].tolist()] if labels else []
    torch.testing.assert_close(plain(noise, **labels), game.sample(4, 0, *given), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("model", "name"), [("ssgan", "rotation_logits"), ("infogan", "codes")])
def test_a_further_head_has_the_name_of_what_it_gives(model, name):
    game = built(tiny_model(model)).eval()
    portable = portable_discriminator(game, game.discriminator, 1, 8)
    assert [port.name for port in portable.outputs] == ["logits", name]


def test_a_difference_of_any_output_counts():
    game = built(tiny_model("acgan")).eval()
    portable = portable_discriminator(game, game.discriminator, 1, 8)
    assert [port.name for port in portable.outputs] == ["logits", "class_logits"]

    def off(inputs):
        logits, classes = portable.head(**inputs)
        return logits, classes + 0.5

    assert largest_difference(portable, off) == pytest.approx(0.5)
    assert math.isnan(largest_difference(portable, lambda inputs: tuple(x * math.nan for x in off(inputs))))


@pytest.mark.parametrize(("model", "asked", "truncates"), [
    ("r3gan", None, True),
    ("r3gan", False, False),
    ("biggan", None, False),
    ("biggan", True, True),
    ("dcgan_small", None, False),
])  # fmt: skip
def test_truncation_is_an_input_where_it_changes_no_statistics_or_is_asked_for(model, asked, truncates, monkeypatch):
    monkeypatch.setattr("ganexp.variants.samplers.base.STANDING_BATCHES", 1)
    portable = portable_generator(built(tiny_model(model)).eval(), asked)
    assert ("truncation" in portable.example(0)) is truncates
    assert (portable.facts["batch_norm"] == "standing statistics") is (model == "biggan" and truncates)


def test_uniform_noise_cannot_be_truncated():
    with pytest.raises(UserError, match="no tails to cut off"):
        portable_generator(built(tiny_model("dcgan_small")).eval(), True)
