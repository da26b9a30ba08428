"""BigGAN's networks (arXiv 1809.11096, appendix B)."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.layers.attention import SelfAttention
from ganexp.networks.biggan import Discriminator, Generator
from support.networks import count

NORM = normalizations.batch_spectral


def generator(size=32, normalization=NORM, **more):
    return Generator(12, 3, size, normalization(), 5, width=4, embedding=6, **more)


def discriminator(size=32, normalization=normalizations.spectral):
    return Discriminator(3, size, normalization(), 5, width=4)


@pytest.mark.parametrize(("size", "attention"), [(32, []), (128, [64])])
def test_shapes_range_and_the_map_with_attention(size, attention):
    networks, labels, sides = (generator(size), discriminator(size)), torch.tensor([0, 4]), []
    for network in networks:
        for module in network.modules():
            if isinstance(module, SelfAttention):
                module.register_forward_hook(lambda _, maps, __: sides.append(maps[0].shape[-1]))
    images = networks[0](torch.randn(2, 12), labels)
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1
    assert networks[1](images, labels).shape == (2,)
    assert sides == 2 * attention


def test_parameter_counts_at_128_are_the_published_ones(monkeypatch):
    # Of this size it takes a minute, and spectral normalization has no parameters.
    monkeypatch.setattr(nn.init, "orthogonal_", lambda weight: weight)
    # google/compare_gan, resnet_biggan_test.py, which checks its networks against the original's.
    assert count(Generator(120, 3, 128, normalizations.batch(), 1000)) == 70_433_988
    assert count(Discriminator(3, 128, normalizations.none(), 1000)) == 87_982_370


@pytest.mark.parametrize("build", [generator, discriminator])
def test_every_parameter_gets_a_gradient(build):
    network = build()
    first = torch.randn(5, 12) if build is generator else torch.rand(5, 3, 32, 32)
    output = network(first, torch.arange(5))
    (output * torch.randn_like(output)).sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@pytest.mark.parametrize("build", [generator, discriminator])
def test_every_layers_largest_singular_value_is_one_within_a_percent(build):
    network = build()
    first = torch.randn(5, 12) if build is generator else torch.rand(5, 3, 32, 32)
    with torch.no_grad():
        for _ in range(60):
            network(first, torch.arange(5))
    layers = [m for m in network.eval().modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert sum(key.endswith("weight.original") for key in network.state_dict()) == len(layers)
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.01)


def test_weights_start_orthogonal():
    network = generator(normalization=normalizations.batch)
    matrices = [m.weight.flatten(1) for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    for matrix in matrices:
        few = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        assert torch.allclose(few @ few.T, torch.eye(len(few)), atol=1e-5)


def test_every_piece_of_the_noise_and_the_label_change_the_image():
    network = generator().eval()
    noise, label = torch.randn(1, 12), torch.tensor([1])
    image = network(noise, label)
    assert torch.equal(network(noise, label), image)
    assert not torch.allclose(network(noise, label + 1), image, atol=1e-3)
    for piece in range(4):
        other = noise.clone()
        other[:, 3 * piece : 3 * piece + 3] += 1
        assert not torch.allclose(network(other, label), image, atol=1e-3)


def test_only_blocks_norms_are_conditional():
    assert isinstance(generator().network.last[0], nn.BatchNorm2d)
    assert generator().network.last[0].affine
    conditional = [m for m in generator().network.blocks.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(conditional) == 6
    assert not any(norm.affine for norm in conditional)


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match=r"data\.image_size to 32 or 128$"):
        generator(64)
    with pytest.raises(ValueError, match=r"data\.image_size to 32 or 128$"):
        discriminator(64)
    with pytest.raises(ValueError, match=r"^latent=10: .*multiple of 4"):
        Generator(10, 3, 32, NORM(), 5)
    with pytest.raises(ValueError, match=r"^num_classes must be"):
        Discriminator(3, 32, NORM(), 0)
