"""StyleGAN2's networks: shapes, forms, noise inputs and truncation; values are those of figures (tests/parity)."""

import pytest
import torch

from ganexp.networks.stylegan2 import ARCHITECTURES, Discriminator, Generator, TruncatedGenerator


def generator(image_size=16, **settings):
    torch.manual_seed(0)
    return Generator(6, 3, image_size, style=5, mapping_layers=2, width=4, max_width=8, **settings).eval()


def noise(n=2):
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [8, 28, (16, 32)])
def test_images_have_the_size_and_logits_are_one_for_each(architecture, size):
    images = generator(size, architecture=architecture)(noise())
    assert images.shape == (2, 3, *(size if isinstance(size, tuple) else (size, size)))
    logits = Discriminator(3, size, width=4, max_width=8, architecture=architecture)(images)
    assert logits.shape == (2,)


def test_the_skip_architecture_sums_the_images_of_all_sizes_and_only_residual_blocks_have_shortcuts():
    networks = {name: generator(architecture=name).synthesis for name in ARCHITECTURES}
    assert {name: len(network.to_image) for name, network in networks.items()} == {"orig": 1, "skip": 3, "residual": 1}
    assert {name: len(network.shortcuts) for name, network in networks.items()} == {"orig": 0, "skip": 0, "residual": 2}


def test_each_style_reaches_the_image_alone():
    network = generator().synthesis
    styles = torch.randn(1, network.layers, 5, generator=torch.Generator().manual_seed(0))
    for layer in range(network.layers):
        changed = styles.clone()
        changed[:, layer] += 1
        assert not torch.allclose(network(changed), network(styles)), layer


def test_noise_inputs_are_constant_unless_they_are_given():
    network = generator()
    for convolution in network.synthesis.convolutions:
        torch.nn.init.ones_(convolution.noise_strength)
    assert torch.equal(network(noise()), network(noise()))
    assert torch.allclose(network(noise()), network(noise(), network.synthesis.noise.expand(2, -1)), atol=1e-6)
    others = torch.randn(2, network.synthesis.pixels, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(network(noise()), network(noise(), others))
    assert torch.equal(network.synthesis.noise, generator(architecture="orig").synthesis.noise)


def test_truncation_to_nothing_leaves_one_image():
    network = generator()
    network.mapping.follow(network.mapping(noise(100)))
    almost = TruncatedGenerator(network, 1e-6)(noise(4))
    assert almost.std(0).max() < 1e-3
    assert network(noise(4)).std(0).max() > 1e-2
    assert torch.allclose(TruncatedGenerator(network, 1.0)(noise()), network(noise()), atol=1e-5)


def test_another_form_and_another_size_are_refused():
    with pytest.raises(ValueError, match="architecture=dense: choose one of orig, skip, residual"):
        generator(architecture="dense")
    with pytest.raises(ValueError, match=r"set data\.image_size to 16 or 28"):
        generator(20)
