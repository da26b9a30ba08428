"""Networks against their references' figures: parameters, shapes, initial weights, and values in float64."""

import inspect
import math
from functools import cache

import pytest
import torch

from ganexp.config.build import build
from parity.calculations import FIGURES, composed, figures_of, option_names
from support.formula import figures, fill, formula_input, formula_labels

CALCULATIONS = {
    "losses",
    "penalties",
    "augmentations",
    "augmentation_percentiles",
    "metrics",
    "stylegan2_step",
    "without_reference",
}
LARGE = (
    "biggan_128",
    "biggan_32",
    "biggan_deep_128",
    "biggan_deep_32",
    "biggan_studiogan",
    "sagan_128",
    "sngan_cnn",
    "sngan_projection_128",
    "sngan_resnet_48",
)
"""Files whose networks take seconds to build, which the default suite leaves to those of the same kind."""
FILES = sorted(path.stem for path in FIGURES.glob("*.yaml") if path.stem not in CALCULATIONS)
ABOUT = {"source", "read_or_run", "overrides", "narrow", "differs"}
NETWORK = {"parameters", "absent", "output_shape", "weight_std", "inputs", "buffers", "forward"}


@cache
def published(name):
    """Return the model at its published width, without memory."""
    with torch.device("meta"):
        return build(composed(tuple(figures_of(name)["overrides"])).model)


def narrow_overrides(name):
    return (*figures_of(name)["overrides"], *figures_of(name).get("narrow", []))


@cache
def narrow(name):
    """Return the model whose networks are computed, as it is initialized."""
    torch.manual_seed(0)
    return build(composed(narrow_overrides(name)).model)


@torch.no_grad()
def remove(module, absent):
    """Give the parameters that the reference does not have the values that have no effect."""
    for name in absent:
        parameter = module.get_parameter(name)
        parameter.fill_(1 if parameter.ndim == 1 and name.endswith("weight") else 0)


def networks():
    return [(name, network) for name in FILES for network in figures_of(name) if network not in ABOUT]


def marks_of(name):
    return [pytest.mark.slow] if name in LARGE else []


def with_figure(key):
    return pytest.mark.parametrize(
        ("name", "network"),
        [
            pytest.param(*case, marks=marks_of(case[0]))
            for case in networks()
            if figures_of(case[0])[case[1]].get(key) is not None
        ],
    )


def inputs_of(name, network, batch):
    """Return the inputs of a network by the names of its arguments."""
    config = composed(narrow_overrides(name))
    given = figures_of(name)[network].get("inputs")
    if given is not None:
        return [formula_input(shape, index) for index, shape in enumerate(given)]
    image = (batch, config.data.channels, config.data.image_size, config.data.image_size)
    parameters = inspect.signature(narrow(name).get_submodule(network).forward).parameters.values()
    optional = {parameter.name for parameter in parameters if parameter.default is not inspect.Parameter.empty}
    arguments = [parameter.name for parameter in parameters if parameter.name not in optional - {"label"}]
    inputs = []
    for index, argument in enumerate(arguments):
        if argument != "label":
            inputs.append(formula_input((batch, config.model.latent) if argument == "noise" else image, index))
        elif config.requires.labels:
            inputs.append(formula_labels(batch, config.data.num_classes))
    return inputs


@cache
def outputs(name, network):
    """Return a tuple of the outputs of a network with the weights of the formula."""
    expected = figures_of(name)[network]
    shape = expected["output_shape"]
    inputs = inputs_of(name, network, shape[0] if isinstance(shape[0], int) else shape[0][0])
    # After the initial weights have been looked at, which are those of another copy.
    module = fill(build(composed(narrow_overrides(name)).model).get_submodule(network))
    remove(module, expected.get("absent", []))
    for buffer, value in expected.get("buffers", {}).items():
        module.get_buffer(buffer).fill_(value)
    module.train((expected.get("forward") or {}).get("mode") == "train")
    with torch.no_grad():
        output = module(*inputs)
    return output if isinstance(output, tuple) else (output,)


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks_of(name)) for name in FILES])
def test_a_file_of_figures_has_a_source_and_no_unknown_key(name):
    content = figures_of(name)
    assert "@" in content["source"] or content["read_or_run"] == "read"
    assert content["read_or_run"] in {"run", "read"}
    assert "differs" in content
    for key in content.keys() - ABOUT:
        published(name).get_submodule(key)
        assert content[key].keys() <= NETWORK


def test_every_model_has_figures_or_a_reason_why_not():
    reasons = figures_of("without_reference")["models"]
    covered = {composed(tuple(figures_of(name)["overrides"])).hydra.runtime.choices["model"] for name in FILES}
    assert covered | reasons.keys() == option_names("model")
    assert not covered & reasons.keys()
    assert all(reasons.values())


@with_figure("parameters")
def test_a_network_has_the_references_number_of_parameters(name, network):
    expected = figures_of(name)[network]
    parameters = dict(published(name).get_submodule(network).named_parameters())
    counted = parameters.keys() - set(expected.get("absent", []))
    assert len(counted) == len(parameters) - len(expected.get("absent", []))
    assert sum(parameters[parameter].numel() for parameter in counted) == expected["parameters"]


@with_figure("weight_std")
def test_weights_start_with_the_references_standard_deviation(name, network):
    parameters = dict(narrow(name).get_submodule(network).named_parameters())
    for parameter, expected in figures_of(name)[network]["weight_std"].items():
        count = parameters[parameter].numel()
        relative = 6 / math.sqrt(2 * count) + 0.01
        assert parameters[parameter].std(correction=0).item() == pytest.approx(expected, rel=relative), parameter


@with_figure("output_shape")
@pytest.mark.thinned(2)
def test_a_networks_output_has_the_references_shape(name, network):
    shapes = [list(output.shape) for output in outputs(name, network)]
    expected = figures_of(name)[network]["output_shape"]
    assert shapes == ([expected] if isinstance(expected[0], int) else expected)


@with_figure("forward")
def test_a_network_computes_what_the_reference_computes(name, network):
    expected = figures_of(name)[network]["forward"]
    computed = figures(*outputs(name, network))
    largest = max(1.0, *(abs(value) for value in [expected["mean"], expected["std"], *expected["values"]]))
    for figure, value in computed.items():
        assert value == pytest.approx(expected[figure], rel=0, abs=expected["tolerance"] * largest), figure
