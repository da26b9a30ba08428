"""Every normalization on every layer it can meet."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations

FACTORIES = {
    "none": normalizations.none,
    "batch": normalizations.batch,
    "instance": normalizations.instance,
    "layer": normalizations.layer,
    "group": lambda: normalizations.group(4),
    "spectral": normalizations.spectral,
    "batch_spectral": normalizations.batch_spectral,
}
LAYERS = {
    "linear": (lambda: nn.Linear(6, 8), (5, 6), (5, 8)),
    "conv": (lambda: nn.Conv2d(6, 8, 3, padding=1), (5, 6, 4, 4), (5, 8, 4, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(6, 8, 4, 2, 1), (5, 6, 4, 4), (5, 8, 8, 8)),
}
REFUSED = ("instance", "linear")
ACTIVATION_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm)


def is_spectral(module):
    return any("parametrizations.weight.original" in name for name in module.state_dict())


@pytest.mark.parametrize(("name", "layer"), [(n, k) for n in FACTORIES for k in LAYERS if (n, k) != REFUSED])
def test_what_each_normalization_does_to_hidden_and_edge_layers(name, layer):
    build, shape, expected = LAYERS[layer]
    hidden, edge = FACTORIES[name]().hidden(build()), FACTORIES[name]().edge(build())
    for module in (hidden, edge):
        assert module(torch.randn(shape)).shape == expected
        assert is_spectral(module) == ("spectral" in name)
    norms = [m for m in hidden.modules() if isinstance(m, ACTIVATION_NORMS)]
    assert len(norms) == (name not in ("none", "spectral"))
    assert not any(isinstance(m, ACTIVATION_NORMS) for m in edge.modules())
    assert edge.bias is not None
    bare = hidden.layer if norms else hidden
    assert (bare.bias is None) == (name in ("batch", "instance", "batch_spectral"))


@pytest.mark.parametrize(
    ("name", "layer"), [(n, k) for n in ("batch", "instance", "layer") for k in LAYERS if (n, k) != REFUSED]
)
def test_normalized_activations_have_mean_zero_and_variance_one(name, layer):
    build, shape, _ = LAYERS[layer]
    output = FACTORIES[name]().hidden(build())(3 + 2 * torch.randn(32, *shape[1:]))
    axes = {"batch": [0, *range(2, output.dim())], "instance": [2, 3], "layer": [*range(1, output.dim())]}
    variance, mean = torch.var_mean(output, axes[name], correction=0)
    assert torch.allclose(mean, torch.zeros_like(mean), atol=1e-5)
    assert torch.allclose(variance, torch.ones_like(variance), atol=1e-3)


def test_state_dict_names_tell_the_layer_from_its_norm():
    names = set(normalizations.batch().hidden(nn.Conv2d(3, 4, 3)).state_dict())
    assert names >= {"layer.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"}
    assert set(normalizations.none().hidden(nn.Conv2d(3, 4, 3)).state_dict()) == {"weight", "bias"}


def test_instance_is_affine_on_maps_and_names_layer_as_the_alternative_on_vectors():
    norm = normalizations.instance().hidden(nn.Conv2d(3, 4, 3)).norm
    assert norm.affine
    assert not norm.track_running_stats
    with pytest.raises(ValueError, match=r"feature map.*`layer`"):
        normalizations.instance().hidden(nn.Linear(3, 4))


@pytest.mark.parametrize(
    ("channels", "groups", "expected"), [(64, 32, 32), (48, 32, 24), (7, 4, 1), (8, 32, 8), (6, 4, 3)]
)
def test_group_takes_the_largest_divisor_of_the_channels(channels, groups, expected):
    assert normalizations.group(groups).hidden(nn.Conv2d(3, channels, 3)).norm.num_groups == expected


def test_group_refuses_what_would_normalize_every_feature_to_zero():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        normalizations.group(0)
    with pytest.raises(ValueError, match="use fewer groups"):
        normalizations.group(32).hidden(nn.Linear(3, 16))


@pytest.mark.parametrize("method", ["hidden", "edge"])
def test_other_layers_are_refused(method):
    with pytest.raises(ValueError, match=r"cannot normalize Embedding: .*Conv2d"):
        getattr(normalizations.batch(), method)(nn.Embedding(3, 4))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("scale", [1, 3])
def test_spectral_takes_the_largest_singular_value_over_the_layers_outputs_to_its_scale(layer, scale):
    build, shape, _ = LAYERS[layer]
    module = normalizations.spectral(scale).hidden(build())
    for _ in range(50):
        module(torch.randn(shape))
    weight = module.eval().weight
    if layer == "transposed":
        weight = weight.transpose(0, 1)
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(scale, rel=0.01)
    assert set(module.state_dict()) == set(normalizations.spectral().hidden(build()).state_dict())


@pytest.mark.parametrize("scale", [0, -1, float("inf"), float("nan")])
def test_spectral_refuses_a_scale_that_is_no_norm(scale):
    with pytest.raises(ValueError, match="finite scale above 0"):
        normalizations.spectral(scale=scale)


@pytest.mark.parametrize("name", ["spectral", "batch_spectral"])
def test_spectral_works_under_bfloat16_autocast(name):
    module = FACTORIES[name]().hidden(nn.Conv2d(3, 4, 3))
    with torch.autocast("cpu", torch.bfloat16):
        module(torch.randn(2, 3, 8, 8)).float().sum().backward()
    assert all(p.grad is not None for p in module.parameters())
