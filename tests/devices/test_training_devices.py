"""Training on the stand-in device: nothing is left on the processor, and no turn waits for the device."""

import pytest
import torch

from config.test_configs import DRAWING, GROUPS, TRANSLATING
from ganexp import noise
from support.games import played, tiny_with
from support.stand_in_device import DEVICE, stand_in_device

BATCHES = 2
# A convolutional network for images in colour, whose every layer can be normalized.
SMALL = "dcgan_small"
COLOUR = {"data.channels": 3, "data.image_size": 16}
# ADA's strength moves every fourth batch.
MORE_BATCHES = {"ada": 5}


LARGE = ("biggan_deep", "contragan", "reacgan")


def case(model, settings=None, batches=BATCHES, *, is_slow=0, **groups):
    name = f"{'-'.join(groups.values()) or model}{'-'.join(settings or {})}"
    return pytest.param(model, settings or {}, groups, batches, id=name, marks=[pytest.mark.slow] if is_slow else [])


CASES = [
    *(case(model, is_slow=number % 3 or model in LARGE) for number, model in enumerate(GROUPS["model"])),
    *(case(SMALL, is_slow=n % 2, penalty=option) for n, option in enumerate(GROUPS["penalty"])),
    *(
        case(SMALL, COLOUR, MORE_BATCHES.get(option, BATCHES), is_slow=n % 2, augmentation=option)
        for n, option in enumerate(GROUPS["augmentation"])
    ),
    *(case(SMALL, normalization=option) for option in GROUPS["normalization"] if option != "instance"),
    # It needs maps of more than a pixel.
    case("sngan", {"model.generator.normalize_first": False}, normalization="instance"),
    *(case("gan", loss=option) for option in GROUPS["loss"]),
    case("cdcgan", {"model.accumulate": 2, "model.gradient_clip": 0.1}, penalty="lecam"),
    case(SMALL, {"model.critic_steps": 2, "penalty.r1.every": 2}, 4, penalty="r1"),
]


@pytest.mark.parametrize(("model", "settings", "groups", "batches"), CASES)
@pytest.mark.thinned(2)
def test_no_turn_mixes_devices_or_waits(model, settings, groups, batches):
    config = tiny_with(model, settings, **groups)
    with stand_in_device() as device:
        game = played(config, batches, device, waits=False)
        assert game.batches_seen == batches
        assert {tensor.device for tensor in game.state_dict().values() if isinstance(tensor, torch.Tensor)} == {DEVICE}
        terms = game.read_terms()
    assert any(name.startswith(("generator/", "generator_")) for name in terms)
    assert all(torch.tensor(value).isfinite() for value in terms.values())


# On a processor R3GAN's discriminator has this convolution anyway.
TORCHS = {"model.discriminator.convolution": {"_target_": "torch.nn.Conv2d", "_partial_": True}}


@pytest.mark.parametrize(("model", "settings"), [("cdcgan", {}), ("cyclegan", {}), ("r3gan", TORCHS)])
def test_training_there_is_training_on_the_processor(model, settings):
    config = tiny_with(model, settings)
    expected = played(config, BATCHES).state_dict()
    with stand_in_device() as device:
        found = played(config, BATCHES, device).cpu().state_dict()
    for name, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(found[name], value), name


def test_every_model_is_one_or_the_other():
    assert set(DRAWING) | set(TRANSLATING) == set(GROUPS["model"])


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_noise_that_is_moved_to_the_processor_is_found(draw, monkeypatch):
    right = getattr(noise, draw)
    monkeypatch.setattr(noise, draw, lambda shape, generator: right(shape, generator).to("cpu"))
    config = tiny_with("dcgan_small", {"model.noise": {"_target_": f"ganexp.noise.{draw}", "_partial_": True}})
    with stand_in_device() as device, pytest.raises(RuntimeError, match="at least two devices"):
        played(config, 1, device)
