"""The plugin that spares Hydra's repeated work changes no composition."""

import pytest
import yaml
from hydra._internal import config_loader_impl, defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from omegaconf import OmegaConf, _utils, base, grammar_parser

from ganexp.config import composition
from support import quick_composing

CHOICES = {
    "the defaults": [],
    "options": ["model=biggan", "data=cifar10", "metric=[fid,kid]"],
    "a recipe and values": ["experiment=r3gan_cifar10", "images=7", "+model.further=1", "~callbacks.scores"],
}


def plainly(monkeypatch):
    monkeypatch.setattr(OmegaConf, "load", staticmethod(quick_composing.load_file))
    monkeypatch.setattr(config_loader_impl, "create_defaults_list", quick_composing.create_defaults)
    monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", quick_composing.merge_defaults)
    monkeypatch.setattr(base, "parse", grammar_parser.parse)
    monkeypatch.setattr(_utils, "parse", grammar_parser.parse)
    monkeypatch.setattr(Hydra, "get_mode", quick_composing.get_mode)
    monkeypatch.setattr(defaults_list, "_create_interpolation_map", quick_composing.create_choices)


def read(path):
    """Read a file as Hydra does."""
    with path.open() as file:
        return OmegaConf.load(file)


@pytest.mark.parametrize("overrides", CHOICES.values(), ids=CHOICES)
def test_a_composition_is_hydras_own(overrides, monkeypatch):
    # As text, in which the names of folders still refer to the time.
    quick = [OmegaConf.to_yaml(composition.compose("train", overrides)) for _ in range(2)]
    plainly(monkeypatch)
    assert quick == [OmegaConf.to_yaml(composition.compose("train", overrides))] * 2


@pytest.mark.parametrize(
    "text", ["a: 1e-3\nb: 2020-01-01\nc: [yes, ~, 0x1f, 1_0, '${a}']\nd: !!python/tuple [1]\n", "a: 1\na: 2\n"]
)
def test_a_file_means_what_it_means_to_omegaconf(text, tmp_path):
    file = tmp_path / "some.yaml"
    for part in (text, text.partition("d:")[0], "a: b: c\n", "- [1\n"):
        file.write_text(part)
        outcomes = []
        for load in (quick_composing.load_file, quick_composing.load_quickly):
            try:
                outcomes.append(OmegaConf.to_container(load(file)))
            except yaml.YAMLError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]
    assert quick_composing.libyaml_loader() is not quick_composing.create_loader()


def test_a_file_that_has_changed_is_read_again(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("a: 1\n")
    assert read(file) == {"a": 1}
    file.write_text("a: [1, 2]\n")
    assert read(file) == {"a": [1, 2]}


def test_what_a_reader_changes_is_not_seen_by_the_next(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("a: 1\n")
    read(file).a = 2
    assert read(file).a == 1
