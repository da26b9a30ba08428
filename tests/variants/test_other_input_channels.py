"""Translation of inputs with other channels than the targets: grey to colour."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.config import rules
from ganexp.data.translation.items import Pair
from ganexp.data.translation.module import PairedData
from ganexp.layers.normalization import instance
from ganexp.metrics.translation import TranslationScoring
from ganexp.networks import translator, unet
from ganexp.networks.patch import PairDiscriminator
from ganexp.variants.cut import channel_adapter
from ganexp.variants.translation import interleave

RNG = np.random.default_rng(0)


def pairs(split):
    grey, colour = RNG.integers(0, 256, (8, 8), np.uint8), RNG.integers(0, 256, (8, 8, 3), np.uint8)
    return [(Pair(grey, colour), 0)] * 2


def data():
    module = PairedData(pairs, "test", 8, 3, 1, 0, input_channels=1, workers=0)
    module.setup()
    return module


@pytest.mark.parametrize(
    "network",
    [
        lambda: unet.Generator(3, 8, instance(), width=4, input_channels=1),
        lambda: translator.Generator(3, 8, instance(), width=4, blocks=1, input_channels=1),
    ],
)
def test_generators_make_colour_of_grey_and_the_discriminator_sees_both(network):
    batch = data().examples(2)
    made = network()(batch["input"])
    assert made.shape == batch["image"].shape == (2, 3, 8, 8)
    discriminator = PairDiscriminator(3, 8, instance(), width=4, layers=1, input_channels=1)
    changed = batch["input"].flip(-1)
    assert not torch.equal(discriminator(made, batch["input"]), discriminator(made, changed))


def test_a_grid_shows_both():
    batch = data().examples(2)
    shown = interleave(batch["input"], batch["image"])
    assert shown.shape == (4, 3, 8, 8)
    assert torch.equal(shown[1], batch["image"][0])
    assert torch.equal(shown[0], batch["input"][0].expand(3, -1, -1))


def test_an_input_is_not_compared_with_a_target_of_other_channels():
    names = []
    for module in (data(), PairedData(pairs, "test", 8, 3, 1, 0, workers=0)):
        module.setup()
        scoring = TranslationScoring([], {}, module.test_pairs, ["a2b"], [], {}, {}, None, torch.device("cpu"))
        names.append(scoring.incomparable)
    assert names == [{"input"}, set()]


def test_the_identity_of_images_that_a_generator_does_not_take_is_refused():
    def complaint(model):
        config = {"requires": {"inputs": "unpaired"}, "model": model, "data": {"channels": 3, "input_channels": 1}}
        return [rule.instead for rule in rules.RULES if rule.broken(config)]

    assert "model.identity=0" in str(complaint({"identity": 0.5}))
    assert complaint({"identity": 0}) == []


def test_translations_are_compared_with_inputs_by_the_mean_of_their_channels_at_first():
    adapter = channel_adapter(3, 1)
    colours = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(adapter(colours), colours.mean(1, keepdim=True))
    torch.testing.assert_close(channel_adapter(1, 3)(colours[:, :1]), colours[:, :1].expand(-1, 3, -1, -1))


@pytest.fixture
def command(here):
    """The arguments of a tiny run from grey pictures to colour ones."""
    for number in range(8):
        grey, colour = RNG.integers(0, 256, (16, 16), np.uint8), RNG.integers(0, 256, (16, 16, 3), np.uint8)
        for folder, pixels in (("a", grey), ("b", colour)):
            for split in ("train", "test"):
                path = here / "set" / f"{split}{folder.upper()}" / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return [
        "data=unpaired_folder", "data.root=set", "data.image_size=16", "data.input_channels=1",
        "data.batch_size=4", "images=8", "model.generator.width=4", "model.generator.blocks=1",
        "model.discriminator.width=4", "model.discriminator.layers=1", "run_dir=run",
    ]  # fmt: skip


def test_cyclegan_translates_grey_to_colour_and_back(ganexp, here, command):
    command = ["model=cyclegan", "metric=cycle", *command]
    assert "model.identity=0" in ganexp(*command).complaint
    done = ganexp(*command, "model.identity=0")
    assert done.status == 0, done.err
    # Input, translation and reconstruction of both domains, of 16 pixels and a line each, four times enlarged.
    assert Image.open(here / "run" / "samples" / "latest.png").width == 4 * (6 * 17 + 1)
    for direction, given, mode in (("a2b", "testA", "RGB"), ("b2a", "testB", "L")):
        done = ganexp("translate", "run=run", f"input=set/{given}", f"out={direction}", f"direction={direction}")
        assert done.status == 0, done.err
        assert Image.open(here / direction / "0.png").mode == mode


@pytest.mark.slow
def test_cut_translates_grey_to_colour_and_its_adapter_is_trained(ganexp, here, command):
    command = ["model=cut", "metric=none", *command]
    assert "model.identity=0" in ganexp(*command).complaint
    done = ganexp(*command, "model.identity=0")
    assert done.status == 0, done.err
    # Input and translation of three examples in a row, of 16 pixels and a line each, four times enlarged.
    assert Image.open(here / "run" / "samples" / "latest.png").width % (4 * 2 * 17) == 4
    assert ganexp("translate", "run=run", "input=set/testA", "out=made").status == 0
    assert Image.open(here / "made" / "0.png").mode == "RGB"
    weights = torch.load(here / "run" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert not torch.equal(weights["generators.adapter.weight"], torch.full((1, 3, 1, 1), 1 / 3))
    done = ganexp("export", "run=run", "out=cut.pt2")
    assert done.status == 0, done.err
    assert "image (batch, 1," in done.out
    assert "translation (batch, 3," in done.out
