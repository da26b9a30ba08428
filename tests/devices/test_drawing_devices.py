"""Samples, translations, pictures, the demo and the doctor's signs on the stand-in device."""

from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import nn

from config.test_configs import DRAWING, TRANSLATING
from ganexp import noise
from ganexp.analysis.subject import HeldOut
from ganexp.callbacks.doctor import Doctor
from ganexp.config.build import build
from ganexp.config.composition import compose
from ganexp.data.memory import InMemory
from ganexp.demo.draw import Samples, Translations
from ganexp.drawing.pictures import as_image, as_saved, picture
from ganexp.evaluation.analyze import build_subject
from ganexp.metrics.custom import custom
from ganexp.metrics.reference import RealImages
from ganexp.variants.samplers.codes import CodeSampler
from support.games import batch_of, built, played, tiny_with
from support.parts import thinned
from support.stand_in_device import DEVICE, stand_in_device


class Means(nn.Module):
    """The mean of each half of an image."""

    def forward(self, images):
        return torch.stack([half.mean((1, 2, 3)) for half in images.chunk(2, dim=3)], 1)


@pytest.fixture(autouse=True)
def device(monkeypatch):
    monkeypatch.setattr("ganexp.variants.samplers.base.STANDING_BATCHES", 1)
    with stand_in_device() as device:
        yield device


def require_signs(game, config, batch):
    """Take the doctor's signs after a turn in which it notes what moves."""
    doctor = Doctor(every=1)
    trainer = SimpleNamespace(
        optimizers=game.trainer.optimizers,
        datamodule=SimpleNamespace(batch_size=config.data.batch_size),
        loggers=[],
        callbacks=[],
        is_global_zero=True,
    )
    for player in game.players():
        doctor.record_turn(
            player.name, [parameter for parameter in player.network.parameters() if parameter.requires_grad]
        )
    doctor.check(trainer, game, batch)
    signs = doctor.history[-1]
    assert {"accuracy", "lipschitz", "diversity"} <= signs.keys()
    assert {f"update_ratio/{player.name}" for player in game.players()} <= signs.keys()
    assert any(name.startswith("update_ratio/generator") for name in signs)
    assert all(isinstance(value, float) for value in signs.values())


@pytest.mark.parametrize("model", thinned(DRAWING, 4, slow=("sagan",)))
@pytest.mark.thinned(2)
def test_samples_pictures_and_signs_of_a_model(model, device):
    config = tiny_with(model, {})
    game = played(config, 1, device)
    if game.watched:  # without a discriminator the doctor has nothing to look at
        require_signs(game, config, {name: value.to(device) for name, value in batch_of(config).items()})
    samples = game.sample(3, 0)
    assert samples.device == DEVICE
    assert as_saved(samples).device == DEVICE
    assert as_image(samples[0]).size == (config.data.image_size,) * 2
    assert picture(samples, game.columns).mode == "RGB"
    if not isinstance(game.sampler, CodeSampler):  # codes have no tails to cut
        game.sampler.noise = noise.normal
        game.sampler.truncate(0.5)
        assert game.sample(3, 0).device == DEVICE
    demo = Samples.of(game, config)
    at, interpolation = demo.draw(0, 1, 0.5, None, None, [0.5] * len(demo.directions))
    assert at.size[0] < interpolation.size[0] or interpolation.size[0] > interpolation.size[1]


def test_a_discriminators_features_are_probed(device, tmp_path):
    config = tiny_with("dcgan_small", {})
    subject = build_subject(built(config).to(device), config, 0)
    images = torch.randint(256, (30, *subject.shape), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    table = InMemory(images, torch.arange(30) % 10)
    subject.load_training = lambda: RealImages(table, table.checksum())
    subject.load_held_out = lambda: HeldOut(None, "none")
    chosen = ["analysis=probe", "analysis.probe.labels=[12]", "analysis.probe.seeds=1"]
    probe = build(compose("analyze", chosen).analysis)["probe"]
    subject.load_extractor = lambda real: custom(real, device, Means())
    assert probe.reason_against(subject) is None
    assert probe(subject, tmp_path)


@pytest.mark.parametrize("model", TRANSLATING)
@pytest.mark.thinned(2)
def test_translations_of_a_model(model, device, tmp_path):
    config = tiny_with(model, {})
    game = played(config, 1, device)
    images = batch_of(config)["image"]
    for direction in game.directions:
        assert game.translate(images, direction).device == DEVICE
        assert game.translate(images.to(device), direction).device == DEVICE
    Image.new("L", (20, 18), 90).save(tmp_path / "photo.png")
    demo = Translations.of(game, config)
    for direction in demo.own:
        # Without its decorator torch.inference_mode, under which tensors cannot be wrapped.
        seen, made = Translations.draw.__wrapped__(demo, tmp_path / "photo.png", direction)
        assert seen.size == made.size == (20, 18)
