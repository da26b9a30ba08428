"""LAPGAN: its pyramid, and the game of its levels."""

import copy

import pytest
import torch

from config.test_configs import tiny, train
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.layers.resampling.laplacian import doubled, gaussian_pyramid, halved, pyramid_sizes
from ganexp.runs.published_weights import network_tensors
from ganexp.transfer.settings import InitialWeights
from ganexp.transfer.start import chosen_players
from support.games import Trainer, batch_of, built, tiny_with


@pytest.mark.parametrize("size", [(28, 28), (32, 64)])
def test_a_pyramid_halves_its_images_down_to_the_coarsest(size):
    images = torch.rand(3, 3, *size) * 2 - 1
    pyramid = gaussian_pyramid(images, 3)
    assert [tuple(level.shape[2:]) for level in pyramid] == [(size[0] // k, size[1] // k) for k in (4, 2, 1)]
    torch.testing.assert_close(pyramid[0], halved(halved(images)))
    assert torch.equal(pyramid[-1], images)


def test_a_constant_image_has_no_details():
    coarse, _, images = gaussian_pyramid(torch.full((1, 1, 16, 16), 0.3), 3)
    torch.testing.assert_close(coarse, torch.full((1, 1, 4, 4), 0.3))
    assert (images - doubled(halved(images))).abs().max() <= 1e-6


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
    torch.testing.assert_close(doubled(coarse) + band, fine)
    assert torch.equal(coarse, game.generator.levels["4"](noise[:, :100]))


def test_only_the_stages_asked_for_are_trained():
    config = tiny("lapgan", "model.stages=[8]")
    untrained, trained = built(config), train(config)
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


def test_current_samples_end_at_the_finest_level_that_is_trained():
    whole, part = build(tiny("lapgan").model), build(tiny("lapgan", "model.stages=[4]").model)
    part.load_state_dict(whole.state_dict(), strict=False)
    stages = whole.generator.eval().stages(whole.sampler.current_noise(3, whole.batches_seen))
    for game, expected, level in ((whole, stages[1], "8"), (part, stages[0], "4")):
        samples, critic = game.current_samples(3, {})
        torch.testing.assert_close(samples, expected)
        assert critic.network is game.discriminator.levels[level]


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


def test_a_step_is_that_of_a_bare_loop():
    settings = {"model.discriminator.dropout": 0.0, "model.discriminator.network.dropout": 0.0}
    config = tiny_with("lapgan", settings, optimizer="sgd", normalization="none")
    game, batch = built(config), batch_of(config)
    game._trainer = Trainer(game)
    generator, discriminator = copy.deepcopy(game.generator), copy.deepcopy(game.discriminator)
    noise = {
        (kind, level): game.draw_level_noise(f"{kind}_{level}", number, len(batch["image"]))
        for number, level in enumerate(game.levels)
        for kind in ("discriminator", "generator")
    }
    game.training_step(batch, 0)
    images, coarse = batch["image"], halved(batch["image"])
    for level, real, condition in (("4", coarse, ()), ("8", images, (doubled(coarse),))):
        draws, judges = generator.levels[level], discriminator.levels[level]
        for kind, network in (("discriminator", judges), ("generator", draws)):
            fake = draws(noise[kind, level], *condition) + sum(condition)
            loss = (
                game.loss.discriminator(judges(real), judges(fake.detach()))
                if network is judges
                else game.loss.generator(judges(fake))
            )
            gradients = torch.autograd.grad(loss, list(network.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(network.parameters(), gradients, strict=True):
                    weight -= config.optimizer.generator.lr * gradient
    for mine, bare in ((game.generator, generator), (game.discriminator, discriminator)):
        for name, weight in bare.named_parameters():
            torch.testing.assert_close(mine.get_parameter(name), weight, msg=name)


def test_every_level_of_the_conditional_form_learns_of_the_labels_of_the_real_images_alone():
    config = tiny_with("lapgan_conditional", {})
    game = built(config)
    game._trainer = Trainer(game)
    tables = {name: table for name, table in game.named_parameters() if name.endswith("embedding.weight")}
    before = {name: table.detach().clone() for name, table in tables.items() if not name.startswith("average")}
    assert len(before) == 4
    game.training_step(batch_of(config) | {"label": torch.tensor([2, 5, 5, 7])}, 0)
    for name, table in before.items():
        changed = (tables[name] != table).any(1).nonzero().flatten().tolist()
        assert changed == [2, 5, 7], name
