"""What every network keeps to, with every normalization that it accepts."""

import pytest
import torch
from torch import nn

from ganexp.networks import dcgan, dcgan_tutorial, mlp
from support.networks import require_gradients, require_pure_evaluation
from support.normalizations import FACTORIES

NETWORKS = {
    "mlp": (
        lambda norm: mlp.Generator(10, 1, 28, norm, widths=(16, 32)),
        lambda norm: mlp.Discriminator(1, 28, norm, widths=(32, 16)),
    ),
    "dcgan": (
        lambda norm: dcgan.Generator(10, 1, 28, norm, width=8),
        lambda norm: dcgan.Discriminator(1, 28, norm, width=8),
    ),
    "dcgan_tutorial": (
        lambda norm: dcgan_tutorial.Generator(10, 1, 28, norm),
        lambda norm: dcgan_tutorial.Discriminator(1, 28, norm),
    ),
}
PLAYERS = {"generator": (0, (6, 10)), "discriminator": (1, (6, 1, 28, 28))}
NEED_MAPS = {("mlp", "generator"), ("mlp", "discriminator"), ("dcgan_tutorial", "generator")}
COMBINATIONS = [(net, player, name) for net in NETWORKS for player in PLAYERS for name in FACTORIES]
ACCEPTED = [(n, p, name) for n, p, name in COMBINATIONS if not (name == "instance" and (n, p) in NEED_MAPS)]


def build(net, player, name):
    index, shape = PLAYERS[player]
    torch.manual_seed(0)
    return NETWORKS[net][index](FACTORIES[name]()), torch.randn(shape)


@pytest.mark.parametrize(("net", "player"), sorted(NEED_MAPS))
def test_instance_normalization_of_vectors_is_refused(net, player):
    with pytest.raises(ValueError, match="`layer`"):
        build(net, player, "instance")


@pytest.mark.parametrize(("net", "player", "name"), ACCEPTED)
@pytest.mark.thinned(2)
def test_every_parameter_gets_a_gradient_and_evaluation_changes_no_buffer(net, player, name):
    network, inputs = build(net, player, name)
    output = network(inputs)
    if player == "generator":
        assert output.shape == (6, 1, 28, 28)
        assert output.abs().max() <= 1
    else:
        assert output.shape == (6,)
    require_gradients(network, output)
    require_pure_evaluation(network, inputs, atol=1e-5)


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", ["spectral", "batch_spectral"])
@pytest.mark.thinned(2)
def test_every_layers_largest_singular_value_is_one_within_a_percent(net, player, name):
    network, inputs = build(net, player, name)
    # Reading a weight in training mode is one power iteration: 50 forwards, without the rest.
    layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    network(inputs)
    for layer in layers:
        for _ in range(49):
            _ = layer.weight
    network.eval()
    for layer in layers:
        weight = layer.weight.detach()
        if isinstance(layer, nn.ConvTranspose2d):
            weight = weight.transpose(0, 1)
        matrix = weight.flatten(1)
        # Of the two Gram matrices the smaller one, whose spectrum is the squared singular values.
        gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
        assert torch.linalg.eigvalsh(gram)[-1].sqrt().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", FACTORIES)
def test_networks_come_back_from_their_state(name):
    discriminator, inputs = build("dcgan", "discriminator", name)
    discriminator(inputs)
    other = NETWORKS["dcgan"][1](FACTORIES[name]())
    other.load_state_dict(discriminator.state_dict())
    assert torch.equal(other.eval()(inputs), discriminator.eval()(inputs))
