"""The residual networks of arXiv 1802.05957 and 1802.05637."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.attention import SelfAttention
from ganexp.networks.resnet import Discriminator, Generator
from support.networks import count, require_gradients, require_pure_evaluation
from support.normalizations import FACTORIES

SIZES = [32, 48, 64, 128]
NETWORKS = {
    "generator": lambda norm, **more: Generator(6, 3, 32, norm, width=4, **more),
    "conditional": lambda norm, **more: Generator(6, 3, 32, norm, 5, width=4, **more),
    "discriminator": lambda norm, **more: Discriminator(3, 32, norm, width=4, **more),
    "projection": lambda norm, **more: Discriminator(3, 32, norm, 5, width=4, **more),
}


def inputs(name):
    first = torch.randn(5, 6) if name in ("generator", "conditional") else torch.rand(5, 3, 32, 32) * 2 - 1
    return (first, torch.arange(5)) if name in ("conditional", "projection") else (first,)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_shapes_and_range(size, channels):
    noise, label = torch.randn(2, 10), torch.tensor([0, 2])
    images = Generator(10, channels, size, normalizations.batch(), width=1)(noise)
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    labelled = Generator(10, channels, size, normalizations.batch(), 3, width=1)(noise, label)
    assert labelled.shape == images.shape
    assert Discriminator(channels, size, normalizations.spectral(), width=1)(images).shape == (2,)
    assert Discriminator(channels, size, normalizations.spectral(), 3, width=1)(images, label).shape == (2,)


def test_parameter_counts_at_32_in_closed_form():
    # Table 4: 4x4x256, three blocks of 256 up; blocks of 128, two of them down. Every convolution has a bias.
    def block(inputs, outputs, shortcut):
        return outputs * (9 * inputs + 1) + outputs * (9 * outputs + 1) + shortcut * outputs * (inputs + 1)

    generator = Generator(128, 3, 32, normalizations.batch())
    discriminator = Discriminator(3, 32, normalizations.spectral())
    first, last = 4096 * 129, 3 * (9 * 256 + 1)
    assert count(generator) == first + 3 * (block(256, 256, 1) + 4 * 256) + 2 * 256 + last == 4_276_739
    down, plain = block(3, 128, 1) + block(128, 128, 1), 2 * block(128, 128, 0)
    assert count(discriminator) == down + plain + 129 == 1_053_825


def test_maps_at_64_are_the_authors():
    generator, discriminator = (
        Generator(8, 3, 64, normalizations.batch(), width=1),
        Discriminator(3, 64, normalizations.spectral(), width=1),
    )
    maps = []
    for block in [*generator.network.blocks, *discriminator.network.layers[:-1:2]]:
        block.register_forward_hook(lambda _, __, output: maps.append(tuple(output.shape[1:3])))
    discriminator(generator(torch.randn(2, 8)))
    assert maps[:4] == [(8, 8), (4, 16), (2, 32), (1, 64)]
    assert maps[4:] == [(1, 32), (2, 16), (4, 8), (8, 4), (16, 2)]


@pytest.mark.parametrize("normalization", FACTORIES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_gets_a_gradient_and_evaluation_changes_no_buffer(name, normalization):
    network, given = NETWORKS[name](FACTORIES[normalization]()), inputs(name)
    require_gradients(network, network(*given))
    require_pure_evaluation(network, *given, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layers_largest_singular_value_is_one_within_a_percent(name):
    network, given = NETWORKS[name](normalizations.batch_spectral(), attention_stride=4), inputs(name)
    with torch.no_grad():
        for _ in range(60):
            network(*given)
    layers = [m for m in network.eval().modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert sum(key.endswith("weight.original") for key in network.state_dict()) == len(layers)
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.01)


def test_labels_make_different_images_once_their_gains_differ_and_different_logits():
    generator = NETWORKS["conditional"](normalizations.batch()).eval()
    noise, labels = torch.randn(1, 6).expand(3, 6), torch.tensor([1, 1, 2])
    for name, parameter in generator.named_parameters():
        if "gain" in name or "bias.weight" in name:
            nn.init.normal_(parameter)
    images = generator(noise, labels)
    assert torch.allclose(images[0], images[1], atol=1e-4)
    assert not torch.allclose(images[0], images[2], atol=1e-2)
    logits = NETWORKS["projection"](normalizations.spectral()).eval()(images[:1].expand(3, 3, 32, 32), labels)
    assert torch.allclose(logits[0], logits[1], atol=1e-5)
    assert not torch.allclose(logits[0], logits[2], atol=1e-3)


def test_without_its_embedding_the_projection_discriminator_is_the_plain_one():
    torch.manual_seed(1)
    plain = NETWORKS["discriminator"](normalizations.none())
    projection = NETWORKS["projection"](normalizations.none())
    projection.network.load_state_dict(plain.network.state_dict())
    projection.logit.logit.load_state_dict(plain.logit.state_dict())
    nn.init.zeros_(projection.logit.embedding.weight)
    images, labels = inputs("projection")
    assert torch.allclose(projection(images, labels), plain(images), atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_attention_stands_at_its_stride_and_changes_nothing_at_first(name):
    torch.manual_seed(1)
    network, given = NETWORKS[name](normalizations.none(), attention_stride=4), inputs(name)
    found = [m for m in network.modules() if isinstance(m, SelfAttention)]
    assert len(found) == 1
    sides = []
    found[0].register_forward_hook(lambda _, maps, output: sides.append((maps[0].shape[-1], output.equal(maps[0]))))
    network(*given)
    assert sides == [(8, True)]
    with pytest.raises(ValueError, match=r"^attention_stride=16: .*strides \[.*4\]"):
        NETWORKS[name](normalizations.none(), attention_stride=16)


@pytest.mark.parametrize("size", [28, 16])
def test_other_sizes_are_refused_with_those_there_are(size):
    for build in (
        lambda: Generator(8, 3, size, normalizations.batch()),
        lambda: Generator(8, 3, size, normalizations.batch(), 3),
        lambda: Discriminator(3, size, normalizations.batch()),
        lambda: Discriminator(3, size, normalizations.batch(), 3),
    ):
        with pytest.raises(ValueError, match=r"data\.image_size to 32, 48, 64 or 128$"):
            build()


@pytest.mark.parametrize("argument", ["latent", "channels", "num_classes", "width"])
def test_sizes_below_one_are_refused_by_name(argument):
    sizes = {"latent": 8, "channels": 3, "num_classes": 3, "width": 2, argument: 0}
    with pytest.raises(ValueError, match=f"^{argument} must be"):
        Generator(**sizes, image_size=32, normalization=normalizations.batch())


def test_residual_convolutions_alone_have_the_gain():
    torch.manual_seed(0)
    gain = 1.5
    for network in (
        Generator(16, 3, 32, normalizations.none(), width=16, residual_gain=gain),
        Discriminator(3, 32, normalizations.none(), width=16, residual_gain=gain),
    ):
        for name, weight in network.named_parameters():
            if weight.ndim < 2 or weight.numel() < 1_000:
                continue
            fans = (weight.shape[0] + weight.shape[1]) * weight[0, 0].numel()
            residual = weight.ndim == 4 and weight.shape[2] == 3 and ".last." not in name
            glorot = (2 / fans) ** 0.5 * (gain if residual else 1)
            assert weight.std().item() == pytest.approx(glorot, rel=0.05), name


def test_a_gain_of_one_is_glorots_initialization():
    weights = []
    for more in ({}, {"residual_gain": 1.0, "upsampling": "nearest"}):
        torch.manual_seed(0)
        weights.append(Generator(6, 3, 32, normalizations.none(), width=2, **more).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_with_mean_pooling_the_logit_without_its_bias_is_the_sums_over_64():
    networks = []
    for mean_pooling in (False, True):
        torch.manual_seed(0)
        networks.append(NETWORKS["discriminator"](normalizations.none(), mean_pooling=mean_pooling))
    images = inputs("discriminator")[0]
    assert torch.allclose(networks[0](images), 64 * networks[1](images), rtol=1e-4)


def test_the_discriminators_widths_and_where_its_blocks_widen():
    def convolutions(**more):
        network = Discriminator(3, 48, normalizations.spectral(), width=2, **more)
        return [
            tuple(m.weight.shape[:2]) for m in network.modules() if isinstance(m, nn.Conv2d) and m.weight.shape[2] == 3
        ]

    widths = [1, 2, 4, 8, 16]
    by_default, chosen, early = (
        convolutions(),
        convolutions(width_multiples=widths),
        convolutions(hidden_as_output=True),
    )
    assert by_default[-2:] == [(16, 16), (16, 16)]
    assert chosen[-4:] == [(8, 8), (16, 8), (16, 16), (32, 16)]
    assert early[:6] == [(2, 3), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8)]
    # As kwotsin/mimicry torch_mimicry/nets/sngan/sngan_48.py: 64, 128, 256, 512 and 1024 channels.
    with torch.device("meta"):
        assert count(Discriminator(3, 48, normalizations.none(), width_multiples=widths)) == 10_141_441
    with pytest.raises(ValueError, match=r"has 5 blocks, so it takes 5 multiples"):
        convolutions(width_multiples=[1, 2])
    with pytest.raises(ValueError, match=r"^width_multiples must be"):
        convolutions(width_multiples=[1, 2, 4, 8, 0])
