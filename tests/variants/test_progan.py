"""Progressive growing: its networks at every stage, and the game that follows the budget."""

import pytest
import torch

from config.test_configs import tiny, train
from game.test_turn_graphs import reasons, require_equal
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.layers.pixel_norm import PixelNorm
from ganexp.layers.resampling.box import averaged, repeated
from ganexp.networks.progan import Stage, staged
from ganexp.schedules import growth
from support.games import tiny_with


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    config = tiny("progan")
    config.data.image_size = 16
    game = build(config.model).double()
    return game.generator, game.discriminator


NOISE = torch.randn(4, 512, dtype=torch.float64)
IMAGES = torch.rand(4, 1, 16, 16, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize(("growth", "stage"), [(0, (0, None)), (1.0, (1, None)), (1.25, (2, 0.25)), (2, (2, None))])
def test_a_fraction_of_the_growth_is_the_share_of_the_next_doubling(growth, stage):
    assert Stage.at(growth) == stage


@pytest.mark.parametrize("doublings", [0, 1, 2])
def test_images_of_every_stage_have_the_same_size_and_the_stages_detail(networks, doublings):
    images = networks[0](NOISE, Stage(doublings))
    assert images.shape == (4, 1, 16, 16)
    factor = 2 ** (2 - doublings)
    torch.testing.assert_close(repeated(averaged(images, factor), factor), images)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_doubling_is_faded_in_linearly_in_images_and_in_features(networks, share):
    generator, discriminator = networks
    before, during, after = (generator(NOISE, stage) for stage in (Stage(0), Stage(1, share), Stage(1)))
    torch.testing.assert_close(during, share * after + (1 - share) * before)
    # Logits are linear in the blended features only at the ends.
    if share in (0.0, 1.0):
        expected = discriminator(IMAGES, Stage(1) if share else Stage(0))
        torch.testing.assert_close(discriminator(IMAGES, Stage(1, share)), expected)


def test_a_discriminator_sees_only_the_detail_of_its_stage(networks):
    discriminator = networks[1]
    for stage in (Stage(0), Stage(1), Stage(1, 0.5)):
        coarse = repeated(averaged(IMAGES, 2), 2)
        torch.testing.assert_close(discriminator(IMAGES, stage), discriminator(coarse, stage))


def test_real_images_are_blended_as_the_generators_are():
    coarse, fine = repeated(averaged(IMAGES, 4), 4), repeated(averaged(IMAGES, 2), 2)
    torch.testing.assert_close(staged(IMAGES, Stage(1, 0.25), 2), 0.25 * fine + 0.75 * coarse)
    assert torch.equal(staged(IMAGES, Stage(2), 2), IMAGES)


def test_only_the_layers_of_the_stage_have_gradients(networks):
    generator, _ = networks
    generator(NOISE, Stage(1, 0.5)).square().sum().backward()
    trained = {name.rsplit(".", 1)[0] for name, weight in generator.named_parameters() if weight.grad is not None}
    generator.zero_grad()
    assert {name.split(".")[0] + name.split(".")[1] for name in trained} == {
        "blocks0", "blocks1", "to_image0", "to_image1",
    }  # fmt: skip


def test_pixel_norm_makes_the_mean_square_of_every_pixel_1():
    maps = torch.randn(2, 8, 3, 3, dtype=torch.float64) * 5
    torch.testing.assert_close(PixelNorm()(maps).square().mean(1), torch.ones(2, 3, 3, dtype=torch.float64))


def test_the_growth_follows_the_authors_schedule():
    """Phases of 600,000 images at a resolution and as many of fading, as in TrainingSchedule of their train.py."""
    for thousands in range(0, 12_000, 150):
        phase, within = divmod(thousands, 1200)
        lod = max(8 - phase - max(within - 600, 0) / 600, 0)
        assert growth(thousands / 12_000, 8, until=0.8, fading=0.5) == pytest.approx(8 - lod)


def test_growth_without_fading_or_without_phases():
    assert [growth(p, 2, until=1.0, fading=0.0) for p in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 2]
    assert growth(0.0, 3, until=0.0) == 3


@pytest.fixture(scope="module")
def grown():
    """A game of 10 batches, the doubling of which fades in from the fifth on, until the eighth."""
    return train(tiny("progan", "images=40"), batches=10)


def test_the_game_grows_with_the_images_seen(grown):
    assert [round(grown.growth_after(images), 3) for images in (0, 16, 20, 24, 32, 40)] == [0, 0, 0.25, 0.5, 1, 1]
    assert grown.generator.growth == grown.average.network.growth == grown.discriminator.growth == 1


def test_optimizers_start_anew_at_a_new_stage(grown):
    # Adam counts the steps of each weight: batches 6 to 8 fade the doubling in, 9 and 10 have it wholly.
    steps = {int(state["step"]) for state in grown.optimizers()[0].state.values()}
    assert steps == {2}


@pytest.mark.slow
def test_the_turns_of_every_stage_are_captured_and_equal_eager_ones_bit_for_bit():
    game, backend = require_equal(tiny_with("progan", {"images": 80}), 20, captures=6)
    assert reasons(game) == {}
    assert backend.replays >= 20


def test_samples_have_the_stage_of_the_network_that_draws_them(grown):
    noise = torch.randn(3, 512)
    network = grown.average.network.eval()
    assert torch.equal(network(noise), network(noise, Stage(1)))
    network.growth.fill_(0.5)
    assert torch.equal(network(noise), network(noise, Stage(1, 0.5)))
    network.growth.fill_(1)


def test_refuses_images_that_growth_cannot_make():
    config = tiny("progan")
    config.data.image_size = 30
    with pytest.raises(UserError, match=r"cannot make 30x30: set data\.image_size to 28 or 32"):
        build(config.model)
