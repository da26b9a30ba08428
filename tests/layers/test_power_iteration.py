"""Spectral normalization makes one power iteration a turn, however often the turn looks at the network."""

from collections import Counter

import pytest
from torch.nn.utils import parametrizations

from ganexp.layers import normalization
from ganexp.networks import dcgan
from ganexp.penalties import R1, R2, GradientPenalty
from ganexp.variants.gan import GAN
from support.tiny import fit, make_gan


@pytest.fixture
def iterations(monkeypatch):
    """Counts the power iterations of each layer."""
    counts, original = Counter(), parametrizations._SpectralNorm._power_method

    def counted(layer, *arguments):
        counts[layer] += 1
        original(layer, *arguments)

    monkeypatch.setattr(parametrizations._SpectralNorm, "_power_method", counted)
    return counts


def spectral_norms(network):
    return [module for module in network.modules() if isinstance(module, parametrizations._SpectralNorm)]


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("penalties", [{}, {"gradient_penalty": GradientPenalty(), "r1": R1(), "r2": R2()}], ids=len)
def test_each_layer_of_the_mover_iterates_once_a_turn_and_the_others_rest(iterations, penalties, accumulate):
    turns = []

    class Counted(GAN):
        def turn(self, player, optimizer, batch):
            iterations.clear()
            super().turn(player, optimizer, batch)
            turns.append((player.name, dict(iterations)))

    module = make_gan(
        normalization.spectral, networks=dcgan, cls=Counted, penalties=penalties, accumulate=accumulate, critic_steps=2
    )
    iterations.clear()
    fit(module, 4)
    movers = {"discriminator": module.discriminator, "generator": module.generator}
    assert [name for name, _ in turns] == ["discriminator", "discriminator", "generator"] * 2
    for name, counted in turns:
        assert counted == dict.fromkeys(spectral_norms(movers[name]), 1)
