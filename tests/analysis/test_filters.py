"""Guided backpropagation: closed forms; planted features."""

import pytest
import torch
from torch import nn

from ganexp.analysis.filters import explained_variance, guided, guided_gradients, inspect_layers, plot_filters
from ganexp.layers import normalization
from ganexp.networks import dcgan


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=6, channels=1, size=8):
    return torch.rand(n, channels, size, size, generator=rng()) * 2 - 1


@pytest.mark.parametrize("rectifier", [nn.ReLU(), nn.LeakyReLU(0.2), nn.ReLU(inplace=True)])
def test_the_guided_gradient_of_a_linear_filter_is_its_weights(rectifier):
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 8)
    layer.bias.data.fill_(100)  # so that all activations are positive
    gradients = guided_gradients(nn.Sequential(layer, rectifier), "1", pictures(3, 2), torch.tensor([2, 0, 1]))
    assert torch.allclose(gradients, layer.weight.detach()[[2, 0, 1]])


def test_the_response_is_the_largest_activation_of_the_map():
    layer = nn.Conv2d(1, 1, 3, bias=False)
    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, 2:5, 3:6] = layer.weight.detach()[0, 0]
    gradients = guided_gradients(nn.Sequential(layer, nn.ReLU()), "1", images, torch.tensor([0]))
    expected = torch.zeros(1, 1, 8, 8)
    expected[0, 0, 2:5, 3:6] = layer.weight.detach()[0, 0]
    assert torch.allclose(gradients, expected)


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_only_positive_gradients_pass_active_rectifiers(slope):
    rectifier = nn.LeakyReLU(slope) if slope else nn.ReLU()
    network = nn.Sequential(rectifier)
    x = torch.tensor([1.0, -1.0, 2.0, -2.0], requires_grad=True)
    with guided(network):
        y = network(x)
        y.backward(torch.tensor([3.0, 3.0, -3.0, -3.0]))
    assert torch.equal(y, rectifier(x))
    assert x.grad.tolist() == [3, 0, 0, 0]
    assert not network[0]._forward_hooks


def test_outputs_and_buffers_stay_the_same():
    torch.manual_seed(0)
    network = dcgan.Discriminator(1, 8, normalization.batch(), width=4).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    unguided = network(pictures())
    with guided(network):
        assert torch.equal(network(pictures()), unguided)
    inspect_layers(network, pictures())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_kurtosis_class_share_and_silent_share_of_planted_features():
    """Two features respond to the images of one class, and one is dead."""
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU())
    network[0].weight.data = torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1, 1)
    network[0].bias.data = torch.tensor([0.0, 0.0, -1.0])
    labels = torch.arange(40) % 2
    images = labels.float().view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    (layer,) = inspect_layers(network, images, labels, best=3)
    assert layer.silent == pytest.approx(1 / 3)
    assert layer.class_share == pytest.approx(1)
    assert layer.kurtosis == pytest.approx(-2)  # that of a fair coin
    assert layer.gradients.shape == (2, 3, 1, 4, 4)


def test_the_kurtosis_is_that_of_scipy():
    from scipy.stats import kurtosis

    layer, images = nn.Conv2d(1, 2, 3), pictures(100)
    (features,) = inspect_layers(nn.Sequential(layer, nn.ReLU()), images)
    values = layer(images).relu().detach().transpose(0, 1).flatten(1).numpy()
    assert features.kurtosis == pytest.approx(kurtosis(values, axis=1).mean(), rel=1e-4)
    assert features.class_share is None


def test_labels_explain_no_variance_of_independent_values():
    values = torch.randn(4000, 5, generator=rng())
    assert explained_variance(values, torch.arange(4000) % 4) < 0.01


def test_layers_are_evenly_spaced_and_drawn_beside_random_ones():
    network = dcgan.Discriminator(1, 32, normalization.none(), width=4)
    layers = inspect_layers(network, pictures(size=32), layers=2, features=2, best=3)
    assert [layer.name for layer in layers] == ["layers.1", "layers.5"]
    titles = [axis.get_title() for axis in plot_filters(layers, layers).axes]
    assert titles == ["random layers.1", "trained layers.1", "random layers.5", "trained layers.5"]


def test_a_network_without_rectified_maps_is_refused():
    with pytest.raises(ValueError, match="no feature maps behind"):
        inspect_layers(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh()), pictures())
