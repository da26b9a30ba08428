"""What holds for every game that makes images from images."""

import pytest
import torch
from torch import nn

from ganexp.augmentation.differentiable import DiffAugment
from ganexp.callbacks.checkpoints import LastCheckpoint
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.layers import normalization
from ganexp.losses import Hinge, Relativistic
from ganexp.penalties.gradient_penalty import GradientPenalty
from ganexp.penalties.lecam import LeCam
from ganexp.penalties.zero_centred import R1
from ganexp.variants.translation import patch_text
from support.tiny import adam, fit, same, state
from support.translations import VARIANTS, Pairs, make

ADVERSARIAL = ("pix2pix", "cyclegan", "cut")
TERMS = {
    "pix2pix": {"generator/adversarial", "generator/l1", "discriminator/adversarial"},
    "unet_l1": {"generator/l1"},
    "cyclegan": {
        *(f"generator/{term}" for term in ("adversarial_a2b", "adversarial_b2a", "cycle_a", "cycle_b")),
        *("generator/identity_a", "generator/identity_b"),
        *("discriminator/adversarial_a", "discriminator/adversarial_b"),
    },
    "cut": {"generator/adversarial", "generator/nce", "generator/identity", "discriminator/adversarial"},
}


def play(variant, batches=4, callbacks=(), ckpt_path=None, dtype=torch.float32, **settings):
    module = make(variant, **settings).to(dtype)
    fit(module, batches, callbacks, ckpt_path, Pairs(dtype), limit_val_batches=0)
    return module


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_term_of_the_losses_is_logged_by_its_name(variant):
    module = play(variant)
    assert set(module.read_terms()) == TERMS[variant]
    assert module.images_seen == 32


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_network_moves(variant):
    before, after = make(variant, normalization.layer), play(variant, norm=normalization.layer, optimizer=adam)
    for name, parameter in before.named_parameters():
        assert not parameter.equal(after.get_parameter(name)), name


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.thinned(2)
def test_a_resumed_game_is_one_never_interrupted(tmp_path, variant):
    settings = {"optimizer": adam, "norm": normalization.batch_spectral, "noise": 0.5, "ema": ExponentialMovingAverage}
    whole = play(variant, 6, **settings)
    play(variant, 3, [LastCheckpoint(str(tmp_path), every=8)], **settings)
    resumed = play(variant, 6, ckpt_path=tmp_path / "last.ckpt", **settings)
    assert same(state(whole), state(resumed))
    if variant == "cyclegan":
        assert resumed.pools["a"].filled == 12


@pytest.mark.parametrize("variant", VARIANTS)
def test_parts_of_a_batch_add_up_to_the_whole(variant):
    one, parts = (play(variant, dtype=torch.float64, accumulate=accumulate) for accumulate in (1, 4))
    for name, tensor in state(one).items():
        torch.testing.assert_close(tensor, state(parts)[name], rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.parametrize(("variant", "calls"), [("pix2pix", 1), ("unet_l1", 1), ("cyclegan", 3), ("cut", 2)])
def test_fakes_are_made_once_a_batch(variant, calls):
    module, counted = make(variant), []
    module.generators["a2b"].register_forward_hook(lambda *_: counted.append(1))
    fit(module, 5, data=Pairs(), limit_val_batches=0)
    assert len(counted) == 5 * calls


@pytest.mark.parametrize("loss", [Hinge(), Relativistic()])
@pytest.mark.parametrize("variant", ADVERSARIAL)
def test_losses_penalties_augmentation_and_an_average_go_with_each_game(variant, loss):
    penalties = {"r1": R1(every=2), "gradient_penalty": GradientPenalty(), "lecam": LeCam(), "none": None}
    module = play(variant, loss=loss, penalties=penalties, augmentation=DiffAugment(), ema=ExponentialMovingAverage)
    of_discriminator = {name.removesuffix("_a").removesuffix("_b") for name in module.read_terms() if "discri" in name}
    assert of_discriminator == {f"discriminator/{term}" for term in ("adversarial", "r1", "gradient_penalty", "lecam")}
    assert module.describe_samples(0)["weights"] == "moving average"
    assert all(p.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_image_is_translated_alike_in_every_batch_and_nothing_moves(variant):
    module = play(variant, norm=normalization.batch_spectral, noise=0.5)
    images, before = Pairs().examples(6)["input"], state(module)
    for direction in module.directions:
        made = module.translate(images, direction)
        assert made.shape == images.shape
        assert made.abs().max() <= 1
        torch.testing.assert_close(made[2:4], module.translate(images[2:4], direction))
    assert module.training
    assert same(before, state(module))


@pytest.mark.parametrize("variant", VARIANTS)
def test_networks_in_double_precision_translate_images_in_single(variant):
    module = make(variant).double()
    made = module.translate(Pairs().examples(2)["input"])
    assert made.dtype == torch.float32
    assert made.isfinite().all()


@pytest.mark.parametrize("variant", ["pix2pix", "unet_l1", "cut"])
def test_a_direction_that_there_is_not_is_refused(variant):
    with pytest.raises(ValueError, match="direction=b2a: this model has only a2b"):
        make(variant).translate(torch.zeros(1, 1, 8, 8), "b2a")


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_is_drawn_from_noise(variant):
    with pytest.raises(UserError, match="ganexp translate"):
        make(variant).sample(1, 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_average_translates_where_there_is_one(variant):
    module = make(variant, ema=ExponentialMovingAverage)
    images = torch.rand(2, 1, 8, 8)
    expected = module.translate(images)
    with torch.no_grad():
        for parameter in module.generators.parameters():
            parameter.add_(1)
    assert torch.equal(module.translate(images), expected)


@pytest.mark.parametrize("variant", ADVERSARIAL)
def test_the_doctor_is_told_what_the_generator_makes_of_the_batch(variant):
    module = play(variant)
    batch = Pairs().examples(5)
    fake, critic = module.current_samples(3, batch)
    torch.testing.assert_close(fake, module.translate(batch["input"][:3]))
    assert critic(fake).shape[:2] == (3, 1)
    assert {"real", "fake"} <= set(module.watched)
    assert isinstance(module.discriminator, nn.Module)


@pytest.mark.parametrize(("variant", "columns"), [("pix2pix", 3), ("unet_l1", 3), ("cyclegan", 8), ("cut", 3)])
def test_a_grid_shows_so_many_pictures_of_each_example(variant, columns):
    module, examples = make(variant), Pairs().examples(4)
    grid = module.grid(examples)
    assert module.columns == columns
    assert grid.shape == (4 * columns, 1, 8, 8)
    assert torch.equal(grid[0::columns], examples["input"])
    torch.testing.assert_close(grid[1::columns], module.translate(examples["input"]))
    if variant in ("pix2pix", "unet_l1"):
        assert torch.equal(grid[2::columns], examples["image"])


def test_a_cycles_grid_shows_input_output_reconstruction_and_identity_both_ways():
    module, examples = make("cyclegan"), Pairs().examples(2)
    a, b = examples["input"], examples["image"]
    forth, back = (lambda images: module.translate(images, "a2b")), (lambda images: module.translate(images, "b2a"))
    expected = [a, forth(a), back(forth(a)), back(a), b, back(b), forth(back(b)), forth(b)]
    for column, images in enumerate(expected):
        torch.testing.assert_close(module.grid(examples)[column::8], images)
    assert module.shown == ("a", "a to b", "a to b to a", "a to a", "b", "b to a", "b to a to b", "b to b")


def test_what_is_a_discriminators_is_refused_where_there_is_none():
    for settings in (
        {"penalties": {"r1": R1()}},
        {"augmentation": DiffAugment()},
        {"constraint": lambda network: None},
    ):
        with pytest.raises(ValueError, match="no discriminator"):
            make("unet_l1", **settings)
    assert make("unet_l1", penalties={"r1": None}).l1 == 100


@pytest.mark.parametrize(
    ("image", "is_within"), [((70, 70), True), ((256, 70), True), ((32, 32), False), ((64, 256), False)]
)
def test_a_patch_is_said_to_be_larger_than_the_image_where_it_is(image, is_within):
    text = patch_text(70, ImageSize(*image))
    assert text.startswith("a patch of 70 x 70 pixels")
    assert (f"beyond the images of {image[0]} x {image[1]}" not in text) == is_within
