"""LAPGAN: its pyramid, and the game of its levels."""

import pytest
import torch

from config.test_configs import tiny, train
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.layers.laplacian import decomposed, doubled, halved, pyramid_sizes, rebuilt
from ganexp.runs.published_weights import network_tensors
from ganexp.transfer.settings import InitialWeights
from ganexp.transfer.start import chosen_players


@pytest.mark.parametrize("size", [(28, 28), (32, 64)])
def test_a_pyramid_rebuilds_its_images(size):
    images = torch.rand(3, 3, *size) * 2 - 1
    bands = decomposed(images, 3)
    assert [tuple(band.shape[2:]) for band in bands] == [(size[0] // k, size[1] // k) for k in (4, 2, 1)]
    assert (rebuilt(bands) - images).abs().max() <= 1e-6
    torch.testing.assert_close(bands[0], halved(halved(images)))
    torch.testing.assert_close(bands[2], images - doubled(halved(images)))


def test_a_constant_image_has_no_details():
    bands = decomposed(torch.full((1, 1, 16, 16), 0.3), 3)
    torch.testing.assert_close(bands[0], torch.full((1, 1, 4, 4), 0.3))
    assert all(band.abs().max() <= 1e-6 for band in bands[1:])


@pytest.mark.parametrize(
    ("size", "sides"), [(8, [4, 8]), (16, [8, 16]), (28, [7, 14, 28]), (32, [8, 16, 32]), (64, [8, 16, 32, 64])]
)
def test_a_pyramid_begins_with_the_largest_of_the_smallest_sides_that_fits(size, sides):
    assert [level.height for level in pyramid_sizes(size, (4, 7, 8))] == sides


@pytest.fixture(scope="module")
def game():
    return train(tiny("lapgan"))


def test_a_batch_is_a_turn_of_each_level_and_is_counted_once(game):
    assert [player.name for player in game.players()] == [
        "discriminator_4", "generator_4", "discriminator_8", "generator_8",
    ]  # fmt: skip
    assert game.images_seen == 4
    assert game.average.updates == 1
    assert {name.partition("/")[0] for name in game.read_terms()} == {player.name for player in game.players()}


def test_samples_are_the_last_of_their_stages(game):
    stages = game.sample_stages(5, seed=1)
    assert [stage.shape for stage in stages] == [(5, 1, 4, 4), (5, 1, 8, 8)]
    assert torch.equal(stages[-1], game.sample(5, seed=1))


def test_the_bands_of_samples_are_what_the_levels_generate(game):
    noise = torch.rand(3, game.latent) * 2 - 1
    game.generator.eval()
    coarse, fine = game.generator.stages(noise)
    band = game.generator.levels["8"](noise[:, 100:], doubled(coarse))
    torch.testing.assert_close(rebuilt([coarse, band]), fine)
    assert torch.equal(coarse, game.generator.levels["4"](noise[:, :100]))


def test_only_the_stages_asked_for_are_trained():
    config = tiny("lapgan", "model.stages=[8]")
    untrained, trained = build_seeded(config), train(config)
    assert [player.name for player in trained.players()] == ["discriminator_8", "generator_8"]
    changed = {
        name.split(".")[2]
        for name, weight in trained.named_parameters()
        if not torch.equal(weight, untrained.get_parameter(name)) and name.startswith(("generator", "discriminator"))
    }
    assert changed == {"8"}


def test_a_run_of_some_stages_has_the_networks_of_the_others_too():
    """Its published weights are the whole model's, and a new run starts from all of them."""
    whole, part = build(tiny("lapgan").model), build(tiny("lapgan", "model.stages=[8]").model)
    assert network_tensors(part).keys() == network_tensors(whole).keys()
    assert {name.split(".")[0] for name in network_tensors(part)} == {"average", "discriminator", "generator"}
    assert {player.name for player in chosen_players(part, InitialWeights())} == {
        player.name for player in whole.players()
    }


def build_seeded(config):
    torch.manual_seed(0)
    return build(config.model)


@pytest.mark.parametrize("stages", ["[16]", "[4,5]", "none"])
def test_refuses_stages_that_the_pyramid_does_not_have(stages):
    with pytest.raises(UserError, match="this pyramid has the stages 4, 8"):
        build(tiny("lapgan", f"model.stages={stages}").model)


def test_refuses_images_that_a_pyramid_cannot_make():
    config = tiny("lapgan")
    config.data.image_size = 30
    with pytest.raises(UserError, match=r"cannot make 30x30: set data\.image_size to 28 or 32"):
        build(config.model)


def test_a_level_does_not_depend_on_the_others():
    """Trained together or alone, a level's networks become the same, up to the masks of dropout."""
    settings = ["model.discriminator.dropout=0.0", "model.discriminator.network.dropout=0.0"]
    together, alone = (
        train(tiny("lapgan", *settings, f"model.stages={stages}"), batches=2) for stages in ("all", "[8]")
    )
    for network in ("generator", "discriminator", "average.network"):
        one, other = (game.get_submodule(f"{network}.levels.8").state_dict() for game in (together, alone))
        assert all(torch.equal(one[name], other[name]) for name in one)
