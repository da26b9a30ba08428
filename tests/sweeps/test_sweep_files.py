"""Every sweep of sweeps/, found from the folder itself: each of its runs composes, or is refused by the rules."""

import json
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from ganexp.cli.list import description
from ganexp.config import checks, composition
from ganexp.config.matrix import model_parts, option, verdict
from ganexp.errors import UserError
from support.parts import thinned

CONF = composition.conf_dir()
WANDB = sorted((composition.sweeps_dir() / "wandb").glob("*.yaml"))
SWEEPS = sorted(path.stem for path in composition.sweeps_dir().glob("*.yaml"))
GROUPS = composition.groups(CONF)


@pytest.fixture(scope="module")
def wandb_sweeps():
    """W&B's own reader of sweep files, whose import takes seconds."""
    return pytest.importorskip("wandb.sdk.launch.sweeps.utils", reason="wandb is not installed")


@pytest.fixture(autouse=True)
def _hydra():
    composition.register_resolvers()
    composition.register_sweeps()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@cache
def axes(name):
    config = compose("train", [f"+sweeps={name}", "run_dir=unused"], return_hydra_config=True)
    given = [f"{key}={value}" for key, value in config.hydra.sweeper.params.items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    return {each.get_key_element(): each for each in parser.parse_overrides(given)}


def ends(axis):
    """The values of a list, the ends of an interval."""
    key = axis.get_key_element()
    if axis.is_discrete_sweep():
        return [f"{key}={value}" for value in axis.sweep_string_iterator()]
    return [f"{key}={end}" for end in (axis.value().start, axis.value().end)]


def composed(name, *overrides):
    return composition.resolve(compose("train", [f"+sweeps={name}", "run_dir=unused", *overrides]))


def test_there_are_the_sweeps_that_the_documentation_names():
    assert {"loss_normalization", "ttur", "penalties", "seeds", "bayes_dcgan"} <= set(SWEEPS)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_says_in_one_line_what_it_is(name):
    text = description(composition.sweeps_dir() / f"{name}.yaml")
    assert text.endswith((".", ")"))
    assert 10 <= len(text) <= 140


@pytest.mark.parametrize("name", thinned(SWEEPS, 2))
@pytest.mark.thinned(2)
def test_every_value_of_every_axis_composes_to_what_the_checks_accept(name):
    refused = composed(name)["skip_refused"]
    longest = max(len(ends(axis)) for axis in axes(name).values())
    for number in range(longest):
        config = composed(name, *(ends(axis)[number % len(ends(axis))] for axis in axes(name).values()))
        try:
            checks.check(config)
        except UserError:
            assert refused


def test_loss_normalization_is_every_loss_with_every_normalization_and_refuses_what_the_rules_refuse():
    chosen = [[each.partition("=")[2] for each in ends(axis)] for axis in axes("loss_normalization").values()]
    assert [*map(sorted, chosen)] == [sorted(GROUPS["loss"]), sorted(GROUPS["normalization"])]
    cells = list(product(*chosen))
    verdicts = [
        verdict(model_parts("dcgan_small"), option("loss", loss), option("normalization", norm)) for loss, norm in cells
    ]
    assert 0 < sum(rule is not None for rule in verdicts) < len(cells) / 3


def test_penalties_has_all_of_them_and_none_is_refused():
    assert sorted(each.partition("=")[2] for each in ends(axes("penalties")["penalty"])) == sorted(GROUPS["penalty"])
    assert not composed("penalties")["skip_refused"]


@pytest.mark.parametrize("path", WANDB, ids=lambda path: path.stem)
def test_every_wandb_sweep_is_read_by_wandb_and_its_commands_compose(path, wandb_sweeps):
    read = wandb_sweeps.load_sweep_config(str(path))
    assert read["command"] == ["${env}", "${interpreter}", "-m", "ganexp", "${args_no_hyphens}"]
    assert read["metric"]["name"] == "score/fid_classifier"
    axes = [
        [(key, value) for value in axis.get("values", [axis.get("value", axis.get("min")), axis.get("max")]) if value]
        for key, axis in read["parameters"].items()
    ]
    refused = []
    for number in range(max(map(len, axes))):
        arguments = {axis[number % len(axis)][0]: {"value": axis[number % len(axis)][1]} for axis in axes}
        overrides = wandb_sweeps.create_sweep_command_args({"args": arguments})["args_no_hyphens"]
        config = composition.resolve(compose("train", ["run_dir=unused", *overrides]))
        assert "wandb" in config["logger"]
        try:
            checks.check(config)
        except UserError as error:
            refused.append(str(error))
    assert not refused or path.stem == "loss_normalization"


def wandb_schema():
    """Return W&B's schema of sweep files, which is in a package that wants an older numpy, and so is not imported."""
    package = find_spec("sweeps")
    # Without it, this repository's folder sweeps/ is a package without a file.
    if package is None or package.origin is None:
        pytest.skip("W&B's schema is not installed: pip install --no-deps sweeps")
    return json.loads((Path(package.origin).parent / "config" / "schema.json").read_text())


@pytest.mark.parametrize("path", WANDB, ids=lambda path: path.stem)
def test_every_wandb_sweep_has_wandbs_own_schema(path, wandb_sweeps):
    validator = pytest.importorskip("jsonschema").Draft7Validator(wandb_schema())
    read = wandb_sweeps.load_sweep_config(str(path))
    assert [error.message for error in validator.iter_errors(read)] == []
    # The schema does refuse a mistake.
    assert not validator.is_valid({**read, "method": "gird"})
    assert not validator.is_valid({**read, "parameters": {"seed": {"values": []}}})


def test_wandbs_product_of_losses_and_normalizations_is_whole(wandb_sweeps):
    read = wandb_sweeps.load_sweep_config(str(composition.sweeps_dir() / "wandb" / "loss_normalization.yaml"))
    for group in ("loss", "normalization"):
        assert sorted(read["parameters"][group]["values"]) == sorted(GROUPS[group])


def test_a_search_of_wandb_and_one_of_optuna_span_the_same_space(wandb_sweeps):
    read = wandb_sweeps.load_sweep_config(str(composition.sweeps_dir() / "wandb" / "bayes_dcgan.yaml"))["parameters"]
    for key, axis in axes("bayes_dcgan").items():
        values = read[key].get("values", [read[key].get("min"), read[key].get("max")])
        assert ends(axis) == [f"{key}={value}" for value in values]
