"""The U-Net of pix2pix."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization
from ganexp.layers.dropout import Dropout, numbered
from ganexp.networks.unet import Generator, halvings

NORMS = [getattr(normalization, name) for name in ("none", "batch", "instance", "layer", "spectral", "batch_spectral")]


def unet(image_size=16, norm=normalization.none, **settings):
    return Generator(3, image_size, norm(), **{"width": 4, "max_width": 16, "dropout": 0.0, **settings})


@pytest.mark.parametrize(("size", "times"), [(256, 8), (512, 8), (32, 5), (28, 2), (2, 1)])
def test_a_side_is_halved_as_often_as_it_can_be_but_no_more_than_in_the_paper(size, times):
    assert halvings(size) == times


def test_at_256_it_is_the_network_of_the_paper():
    with torch.device("meta"):
        network = Generator(3, 256, normalization.batch())
    down = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]
    up = [(m.in_channels, m.out_channels) for m in network.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64), (128, 3)]
    # Neither the first layer nor the innermost map, a single pixel, is normalized.
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 6 + 7
    assert sum(isinstance(m, Dropout) for m in network.modules()) == 3


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", [2, 8, 24])
def test_every_parameter_has_a_part_in_images_of_the_same_shape(norm, size):
    network, images = unet(size, norm), torch.randn(2, 3, size, size)
    made = network(images)
    assert made.shape == images.shape
    assert made.abs().max() <= 1
    (made * torch.randn_like(made)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_other_sizes_may_be_translated_than_it_was_made_for():
    network = unet(16)
    assert network.multiple == 16
    assert network(torch.randn(1, 3, 32, 48)).shape == (1, 3, 32, 48)
    assert unet(16, depth=2)(torch.randn(1, 3, 4, 20)).shape == (1, 3, 4, 20)


def test_details_pass_by_the_innermost_map():
    network, images = unet(), torch.randn(1, 3, 16, 16, requires_grad=True)
    with torch.no_grad():
        for parameter in network.decoder[0].parameters():
            parameter.zero_()
    network(images).square().sum().backward()
    assert (images.grad != 0).all()


def test_noise_that_stays_on_changes_images_but_is_the_same_for_all_of_them():
    images = torch.randn(3, 3, 16, 16)
    quiet, noisy = unet(dropout=0.5), unet(dropout=0.5, dropout_at_test=True)
    noisy.load_state_dict(quiet.state_dict())
    made = noisy.eval()(images)
    assert not torch.allclose(made, quiet.eval()(images))
    torch.testing.assert_close(made[1:2], noisy(images[1:2]))
    assert not torch.equal(noisy.train()(images), noisy(images))


def test_with_a_mask_per_image_an_image_is_made_by_its_number_and_not_by_its_batch():
    network, image = unet(dropout=0.5, dropout_at_test=True, mask_per_image=True).eval(), torch.randn(1, 3, 16, 16)
    with numbered(network, torch.tensor([4, 7, 4])):
        made = network(image.expand(3, -1, -1, -1))
    torch.testing.assert_close(made[0], made[2])
    assert not torch.allclose(made[0], made[1])
    with numbered(network, torch.tensor([7])):
        torch.testing.assert_close(network(image), made[1:2])
    shared = unet(dropout=0.5, dropout_at_test=True).eval()
    shared.load_state_dict(network.state_dict())
    with numbered(shared, torch.tensor([7])):
        torch.testing.assert_close(shared(image), network(image))


def test_with_image_statistics_a_test_batch_is_normalized_as_training_batches_of_one_image():
    network, images = unet(norm=normalization.batch, image_statistics_at_test=True), torch.randn(3, 3, 16, 16)
    alone = torch.cat([network(image) for image in images.split(1)])
    torch.testing.assert_close(network.eval()(images), alone)
    assert not torch.allclose(network.train()(images), alone)


@pytest.mark.parametrize("size", [1, 7, 33])
def test_an_odd_size_is_refused_with_the_nearest(size):
    with pytest.raises(ValueError, match=f"data.image_size to {size + 1}"):
        unet(size)


def test_more_halvings_than_there_are_are_refused():
    with pytest.raises(ValueError, match="depth=4: a U-Net for 24x24 has at most 3"):
        unet(24, depth=4)
