"""Weights of public implementations: stand-ins with their names, shapes and formula values, and what they compute."""

import math
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml

from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.transfer.cyclegan_and_pix2pix import ROLES
from ganexp.transfer.formats import FORMATS, recognized
from ganexp.transfer.public_folder import FILE, public_files
from ganexp.transfer.settings import FORMATS as NAMES
from ganexp.transfer.start import start_from_weights
from parity.calculations import composed
from support.formula import figures, formula_input, formula_labels, uniform

FILES = sorted(Path(__file__).with_name("public").glob("*.yaml"))
TOLERANCE, LARGEST = 1e-10, 20


@cache
def content(path):
    return yaml.safe_load(path.read_text())


def value(name, shape, index):
    """Return the value that the reference's tensor of this name and place in its state_dict was given."""
    if name.endswith("num_batches_tracked"):
        return torch.tensor(7)
    u = uniform(math.prod(shape), index).view(shape)
    if name.endswith("var"):
        return 1 + 0.5 * u
    if name.endswith("mean"):
        return 0.1 * u
    if name.endswith("u0"):
        return u
    if len(shape) > 1:
        return u * math.sqrt(6 / math.prod(shape[1:]))
    if name.endswith(("weight", "gain", "sv0")):
        return 1 + 0.1 * u
    return 0.5 + 0.1 * u if not shape else 0.1 * u


def state_of(path):
    keys = content(path)["keys"]
    return {name: value(name, tuple(shape), index) for index, (name, shape) in enumerate(keys.items())}


def saved(state, path):
    torch.save(state, path)
    return {"path": str(path)}


@cache
def game_of(path):
    torch.manual_seed(0)
    return build(composed(tuple(content(path)["overrides"])).model).double()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_network_computes_what_the_public_code_computes_with_the_same_file(path, tmp_path):
    expected, game = content(path), game_of(path)
    player = "generator" if expected["network"].startswith("generator") else "discriminator"
    settings = {**saved(state_of(path), tmp_path / expected["file"]), "only": player}
    # Of two domains the file holds one network.
    start_from_weights(game, {**settings, "strict": not path.stem.startswith("cyclegan")}, tmp_path)
    inputs = [formula_input(shape) for shape in expected["inputs"]]
    labels = [formula_labels(2, game.num_classes)] if expected["labels"] else []
    network = game.get_submodule(expected["network"]).eval()
    with torch.no_grad():
        computed = figures(network(*inputs, *labels))
    for figure in ("mean", "std", "values"):
        assert computed[figure] == pytest.approx(expected[figure], rel=0, abs=TOLERANCE * LARGEST), figure


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_tensor_of_the_network_is_in_the_file(path):
    expected, game = content(path), game_of(path)
    item = recognized(state_of(path))
    converted = item.convert(state_of(path), Path(expected["file"]).stem)
    prefix = f"{expected['network']}."
    needed = {name: tensor.shape for name, tensor in game.state_dict().items() if name.startswith(prefix)}
    counts = {name for name in needed if name.endswith("num_batches_tracked")}
    given = {name: tensor.shape for name, tensor in converted.items()}
    assert {name: given.get(name) for name in needed if name not in counts} == {
        name: shape for name, shape in needed.items() if name not in counts
    }
    assert given.keys() <= needed.keys()


def test_statistics_of_nested_batch_norms_are_those_of_plain_ones():
    state = state_of(Path(__file__).with_name("public") / "biggan_generator_128.yaml")
    nested = {
        name.replace(".stored_", ".bn.running_" if "output" in name else ".bn.stored_"): tensor
        for name, tensor in state.items()
    }
    plain, other = (FORMATS["biggan_pytorch"].convert(tensors, "G") for tensors in (state, nested))
    assert plain.keys() == other.keys()
    assert all(torch.equal(plain[name], other[name]) for name in plain)


def test_idle_statistics_and_dropout_of_a_residual_generator_change_nothing():
    state = state_of(Path(__file__).with_name("public") / "cyclegan_generator.yaml")
    earlier = {name.replace("conv_block.5", "conv_block.6"): tensor for name, tensor in state.items()}
    earlier["model.2.running_mean"] = torch.zeros(8)
    plain, other = (FORMATS["cyclegan_and_pix2pix"].convert(tensors, "x_net_G_B") for tensors in (state, earlier))
    assert plain.keys() == other.keys()
    assert all(name.startswith("generators.b2a.") for name in plain)


def test_the_formats_that_settings_accept_are_those_that_there_are():
    assert set(NAMES) == set(FORMATS)


def test_a_file_of_another_network_names_the_recipe_that_fits(tmp_path):
    path = Path(__file__).with_name("public") / "biggan_generator_128.yaml"
    game = build(composed(("model=dcgan_small", "data=digits", "model.generator.width=4")).model)
    with pytest.raises(UserError, match=r"none of its .* experiment=biggan_imagenet128"):
        start_from_weights(game, saved(state_of(path), tmp_path / "G.pth"), tmp_path)


PUBLIC = Path(__file__).with_name("public")
FOLDERS = {
    "cyclegan": {"G_A": 1.0, "G_B": 0.5, "D_A": 1.0, "D_B": 0.5},
    "pix2pix": {"G": 1.0, "D": 1.0},
}
"""The networks in a folder of each model, and what the values of the stand-in are multiplied by."""


@pytest.mark.parametrize("model", FOLDERS)
def test_a_folder_holds_every_network_of_a_game(model, tmp_path):
    networks = {"G": PUBLIC / f"{model}_generator.yaml", "D": PUBLIC / f"{model}_discriminator.yaml"}
    for role, factor in FOLDERS[model].items():
        state = {name: tensor * factor for name, tensor in state_of(networks[role[0]]).items()}
        torch.save(state, tmp_path / f"latest_net_{role}.pth")
        torch.save({}, tmp_path / f"200_net_{role}.pth")
    overrides = [*content(networks["G"])["overrides"], *content(networks["D"])["overrides"]]
    game = build(composed(tuple(dict.fromkeys(overrides))).model).double()
    start_from_weights(game, {"path": str(tmp_path), "strict": True}, tmp_path)
    for role, factor in FOLDERS[model].items():
        first = next(tensor for tensor in state_of(networks[role[0]]).values() if tensor.ndim == 4)
        assert any(torch.equal(tensor, first * factor) for tensor in game.get_submodule(ROLES[role]).parameters())
    files = [str(tmp_path / f"latest_net_{role}.pth") for role in FOLDERS[model]]
    start_from_weights(game, {"path": files, "strict": True}, tmp_path)
    with pytest.raises(UserError, match=r"both hold .*: give one of them"):
        start_from_weights(game, {"path": [*files, files[0]]}, tmp_path)


def test_without_latest_the_files_of_the_last_epoch_are_read(tmp_path):
    for name in ("5_net_G.pth", "40_net_G.pth", "40_net_D.pth", "other.pth"):
        (tmp_path / name).touch()
    assert [path.name for path in public_files(tmp_path)] == ["40_net_D.pth", "40_net_G.pth"]
    assert public_files(tmp_path / "nowhere") == []
    assert all(FILE.fullmatch(f"latest_net_{role}.pth") for role in ROLES)


def test_names_of_another_format_are_refused_in_one_line(tmp_path):
    game = build(composed(("model=dcgan_small", "data=digits", "model.generator.width=4")).model)
    given = saved({"blocks.0.0.conv1.weight": torch.ones(2, 2, 3, 3)}, tmp_path / "G.pth")
    for name in NAMES:
        with pytest.raises(UserError, match=f"does not have the tensors of init.format={name}"):
            start_from_weights(game, {**given, "format": name}, tmp_path)
