"""Replacing a network instead of merging into it: ``without`` in a model's defaults."""

import pytest
from omegaconf import OmegaConf

from ganexp.config import composition
from ganexp.config.types import flatten
from support.pages import blocks
from support.runs import UNSCORED

PLACES = {
    "generator": ("dcgan_small", "model.generator"),
    "discriminator": ("cyclegan", "model.discriminator"),
    "generator_network": ("cdcgan", "model.generator.network"),
    "discriminator_network": ("cdcgan", "model.discriminator.network"),
}
NETWORKS = "mine/networks.py"
OWN = {"_target_": "mine.Network", "channels": 3}


@pytest.mark.parametrize("without", ["generator", "discriminator", "generator_network"])
def test_a_network_of_ones_own_inherits_nothing_from_the_one_that_it_replaces(tmp_path, without):
    base, place = PLACES[without]
    own = composed(tmp_path, base, without, place)
    expected = OmegaConf.create(composition.compose_or_empty([f"model={base}"], []))
    OmegaConf.update(expected, place, OWN, merge=False)
    assert own == OmegaConf.to_container(expected)


def composed(folder, base, without, place):
    """Return the configuration of a model that is another one with a network of one's own."""
    composition.register_resolvers()
    option = OmegaConf.create({"defaults": [base, {"without": without}]})
    OmegaConf.update(option, place, OWN)
    path = folder / "model" / "own.yaml"
    path.parent.mkdir()
    path.write_text("# @package _global_\n" + OmegaConf.to_yaml(option))
    return composition.compose_or_empty(["model=own"], [folder])


def test_each_option_leaves_out_one_node_of_a_model():
    options = composition.groups(composition.conf_dir())["model/without"]
    assert sorted(options) == sorted(PLACES)
    for name in options:
        (leaf,) = [key for key, value in flatten(composition.option("model/without", name)) if value is None]
        assert leaf == f"model.{name.replace('_', '.')}"


@pytest.mark.parametrize("without", ["generator", "generator_network"])
def test_a_model_left_without_a_network_is_refused_in_one_line(ganexp, without):
    base, place = PLACES[without]
    refused = ganexp(f"model={base}", f"+model/without={without}", "trainer=cpu")
    assert (refused.status, refused.complaint) == (
        2,
        f"{place}: a run needs it; give a network in its place (docs/extending.md)",
    )


def test_the_pages_examples_compose(tmp_path):
    composition.register_resolvers()
    for block in (block for block in blocks("extending.md") if block.title and block.title.startswith("conf/")):
        path = tmp_path / block.title.removeprefix("conf/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    model = composition.compose_or_empty(["model=mine"], [tmp_path])["model"]
    assert model["generator"].keys() == {"_target_", "latent", "channels", "image_size", "width"}
    assert model["discriminator"].keys() == model["generator"].keys() - {"latent"}
    cut = composition.compose_or_empty(["model=cut", "+model/without=projection"], [tmp_path])
    assert cut["model"]["projection"] is None


def test_the_pages_networks_train_as_it_says(ganexp, here, monkeypatch):
    for block in (block for block in blocks("extending.md") if block.title in ("conf/model/mine.yaml", NETWORKS)):
        path = here / block.title.replace("mine/networks", "mine_of_the_page/networks")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text.replace("mine.networks", "mine_of_the_page.networks"))
    monkeypatch.syspath_prepend(here)
    trust = "trust=mine_of_the_page.networks.Generator,mine_of_the_page.networks.Discriminator"
    outcome = ganexp("--config-dir", "conf", "model=mine", *UNSCORED, "images=128", "run_dir=run")
    assert outcome.err.endswith(f"train longer with: python -m ganexp resume=run images=256 {trust}\n")
    assert ganexp("sample", "run=run", "n=2", "out=drawn", trust).status == 0
