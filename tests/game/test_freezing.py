"""Frozen layers: their parameters stay as they are, whatever else a game does (FreezeD, arXiv 2002.10964)."""

from functools import partial

import pytest
import torch

from game.test_turn_graphs import SMALL, require_equal
from ganexp.config.build import build
from ganexp.constraints import WeightClip
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.game.freezing import freeze, layers
from ganexp.layers import normalization
from ganexp.networks import acgan, biggan, dcgan, patch
from ganexp.penalties.gradient_penalty import GradientPenalty
from ganexp.penalties.zero_centred import R1
from parity.calculations import composed
from support.games import tiny_with
from support.tiny import fit, make_gan, same, state
from support.two_ranks import on_two_ranks, two_rank_trainer

make = partial(make_gan, networks=dcgan)
DECAYING = partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.5)
LOWEST = {"discriminator": 1}


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def changed(before, network):
    return {name for name, parameter in network.named_parameters() if not torch.equal(parameter, before[name])}


def test_frozen_parameters_alone_stay_through_decay_clipping_penalties_and_averaging():
    module = make(
        optimizer=DECAYING,
        freeze={"discriminator": 1, "generator": ["layers.0"]},
        constraint=WeightClip(1e-3),
        penalties={"r1": R1(1.0), "gradient_penalty": GradientPenalty(1.0)},
        ema=ExponentialMovingAverage,
    )
    before = weights(module.discriminator), weights(module.generator)
    fit(module, 3)
    for network, old, prefix in zip(
        (module.discriminator, module.generator), before, ("layers.0", "layers.0"), strict=True
    ):
        frozen = {name for name in old if name.startswith(f"{prefix}.")}
        assert frozen
        assert changed(old, network) == old.keys() - frozen
    for name in frozen:
        assert torch.equal(module.average.network.get_parameter(name), before[1][name])


def test_batch_norm_and_spectral_norm_of_frozen_layers_go_on():
    module = make_gan(normalization.batch_spectral, freeze={"discriminator": 2}, power_iteration="every_forward")
    parameters, before = weights(module.discriminator), state(module.discriminator)
    lower = tuple(f"{name}." for name in list(layers(module.discriminator))[:2])
    fit(module, 2)
    now = state(module.discriminator)
    moved = {name for name in before if not torch.equal(now[name], before[name])}
    tracked = {name for name in before if name.startswith(lower) and name.endswith(("running_mean", "_u"))}
    assert len(tracked) == 3
    assert tracked <= moved
    assert moved & parameters.keys()
    assert not {name for name in moved & parameters.keys() if name.startswith(lower)}


def test_a_resumed_game_with_frozen_layers_equals_an_uninterrupted_one(tmp_path):
    uninterrupted, stopped, resumed = (make(optimizer=DECAYING, freeze=LOWEST, images=48) for _ in range(3))
    fit(uninterrupted, 6)
    fit(stopped, 3).save_checkpoint(tmp_path / "last.ckpt")
    fit(resumed, 6, ckpt_path=tmp_path / "last.ckpt")
    assert same(state(uninterrupted), state(resumed))


def test_captured_turns_equal_eager_ones_with_frozen_layers():
    config = tiny_with(SMALL, {"model.freeze": {"discriminator": 2, "generator": ["layers.0"]}})
    require_equal(config, 6)


def on_a_rank(rank):
    module = make(freeze=LOWEST)
    before = weights(module.discriminator)
    fit(module, 2, **two_rank_trainer())
    return {"state": state(module), "changed": sorted(changed(before, module.discriminator))}


@pytest.mark.slow
def test_two_ranks_hold_the_same_game_with_frozen_layers():
    one, other = on_two_ranks(on_a_rank)
    assert same(one["state"], other["state"])
    assert one["changed"]
    assert not any(name.startswith("layers.0.") for name in one["changed"])


LAYERS = {
    "dcgan": (
        lambda: dcgan.Discriminator(1, 32, normalization.batch()),
        ["layers.0", "layers.2", "layers.4", "layers.6"],
    ),
    "acgan": (
        lambda: acgan.Discriminator(1, 32, normalization.batch(), 10),
        ["features.0", "features.2", "features.4", "source", "classes"],
    ),
    "biggan": (
        lambda: biggan.Discriminator(3, 128, normalization.none(), 10, width=4),
        [*(f"network.layers.{number}" for number in (0, 1, 2, 4, 6, 8, 10)), "logit"],
    ),
    "pix2pix": (
        lambda: patch.PairDiscriminator(1, 32, normalization.batch()),
        [f"network.layers.{number}" for number in (1, 4, 7, 10, 13)],
    ),
}


@pytest.mark.parametrize(("network", "expected"), LAYERS.values(), ids=LAYERS)
def test_layers_are_counted_from_the_image_and_every_parameter_once(network, expected):
    with torch.device("meta"):
        discriminator = network()
    counted = layers(discriminator)
    assert list(counted) == expected
    names = [name for layer in counted.values() for name in layer]
    assert sorted(names) == sorted(name for name, _ in discriminator.named_parameters())


def test_both_discriminators_of_a_cyclegan_are_frozen_alike():
    with torch.device("meta"):
        game = build(composed(("model=cyclegan", "data=horse2zebra", "model.freeze.discriminator=2")).model)
        game.configure_optimizers()
    frozen = {name for name, parameter in game.named_parameters() if not parameter.requires_grad}
    places = {name.rsplit(".", 1)[0].removesuffix(".layer") for name in frozen if not name.startswith("average")}
    assert places == {f"discriminators.{domain}.layers.{number}" for domain in "ab" for number in (1, 4)}


REFUSED = {
    "a name of nothing": (
        {"discriminator": ["layers.00"]},
        "layers.00: no parameter of the discriminator has that name",
    ),
    "too many layers": ({"discriminator": 4}, "from 0 to 3 can be frozen of the layers layers.0, "),
    "fewer than none": ({"discriminator": -1}, "from 0 to 3"),
    "everything": ({"generator": "*"}, "nothing is left to train"),
    "a number for a generator": ({"generator": 1}, "give names"),
    "another player": ({"critic": 1}, "this model has only generator and discriminator"),
    "a switch": ({"discriminator": True}, "a number of layers, a name or a list of names is expected"),
}


@pytest.mark.parametrize(("selection", "answer"), REFUSED.values(), ids=REFUSED)
def test_a_selection_of_nothing_or_everything_is_refused_in_one_line(selection, answer):
    with torch.device("meta"):
        networks = {
            "generator": dcgan.Generator(4, 1, 16, normalization.none(), width=4),
            "discriminator": dcgan.Discriminator(1, 32, normalization.batch(), width=4),
        }
    with pytest.raises(UserError) as refused:
        freeze(networks, selection)
    assert answer in str(refused.value)
    assert "\n" not in str(refused.value)
