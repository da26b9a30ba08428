"""The residual network of CycleGAN."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization
from ganexp.networks.translator import Generator, blocks_for

NORMS = [getattr(normalization, name) for name in ("none", "batch", "instance", "layer", "spectral", "batch_spectral")]


def translator(image_size=16, norm=normalization.none, **settings):
    return Generator(3, image_size, norm(), **{"width": 4, "blocks": 2, **settings})


@pytest.mark.parametrize(("size", "blocks"), [(32, 6), (128, 6), (256, 9)])
def test_the_number_of_blocks_is_the_papers(size, blocks):
    assert blocks_for(size) == blocks
    with torch.device("meta"):
        assert len(Generator(3, size, normalization.instance()).blocks) == blocks


def test_at_256_it_is_the_network_of_the_paper():
    with torch.device("meta"):
        network = Generator(3, 256, normalization.instance())
    sizes = [(m.out_channels, m.kernel_size[0]) for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sizes == [(64, 7), (128, 3), (256, 3), *[(256, 3)] * 18, (3, 7)]
    assert [m.out_channels for m in network.modules() if isinstance(m, nn.ConvTranspose2d)] == [128, 64]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", [8, 20])
def test_every_parameter_has_a_part_in_images_of_the_same_shape(norm, size):
    network, images = translator(size, norm), torch.randn(2, 3, size, size)
    made = network(images)
    assert made.shape == images.shape
    assert made.abs().max() <= 1
    (made * torch.randn_like(made)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("blocks", [1, 2, 5, 6])
def test_its_features_are_pixels_halved_maps_and_two_blocks(blocks):
    network, images = translator(blocks=blocks), torch.randn(2, 3, 16, 16)
    features = network.features(images)
    assert [each.shape[1] for each in features] == network.feature_widths
    assert [each.shape[-1] for each in features] == [16, 8, 4, 4, 4]
    assert torch.equal(features[0], images)
    if blocks <= 5:
        torch.testing.assert_close(network.decoder(features[-1]), network(images))


@pytest.mark.parametrize("norm", NORMS)
def test_antialiased_it_translates_to_images_of_the_same_shape_too(norm):
    network, images = translator(20, norm, antialias=True, affine=False), torch.randn(2, 3, 20, 20)
    assert network(images).shape == images.shape
    assert not any(isinstance(m, nn.ConvTranspose2d) for m in network.modules())
    assert all(m.stride == (1, 1) for m in network.modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("antialias", "sides"), [(True, [22, 16, 8, 4, 4]), (False, [22, 8, 4, 4, 4])])
def test_its_raw_features_are_padded_pixels_and_outputs_of_convolutions(antialias, sides, norm):
    network = translator(norm=norm, antialias=antialias, contrasted="convolutions", blocks=5).eval()
    images, convolved = torch.randn(2, 3, 16, 16), []
    for module in network.encoder.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, __, output: convolved.append(output))
    features = network.features(images)
    assert [maps.shape[1] for maps in features] == network.feature_widths
    assert [maps.shape[-1] for maps in features] == sides
    assert torch.equal(features[0][:, :, 3:-3, 3:-3], images)
    assert torch.equal(features[0][:, :, 0, 3:-3], images[:, :, 3])
    assert all(torch.equal(maps, output) for maps, output in zip(features[1:3], convolved[1:], strict=True))
    torch.testing.assert_close(network.decoder(features[-1]), network(images))


def test_unknown_features_are_refused():
    with pytest.raises(ValueError, match="contrasted=logits: choose one of activations, convolutions"):
        translator(contrasted="logits")


@pytest.mark.parametrize(("size", "near"), [(4, 8), (18, 20)])
def test_sizes_that_cannot_be_halved_twice_are_refused_with_the_nearest(size, near):
    with pytest.raises(ValueError, match=f"data.image_size to {near}"):
        translator(size)
