"""Published models: read back bit for bit, by the same rules as a run's folder, from a folder and from a Hub."""

import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

import ganexp as package
from ganexp.errors import UserError
from ganexp.publishing.card import Card, public_command
from ganexp.publishing.publish import labels_for_example
from ganexp.runs.published_weights import network_tensors
from support.hub_server import READ_ONLY
from support.runs import TINY
from support.translations import VARIANTS, make

safe_open = pytest.importorskip(
    "safetensors", reason="safetensors is not installed: pip install 'ganexp[hub]'"
).safe_open

SCORE = {
    "name": "fid",
    "value": 12.345,
    "spread": 0.5,
    "higher_is_better": False,
    "images_seen": 256,
    "protocol": {"metric": "fid", "fakes": {"samples": 2000, "weights": "moving average", "average": "EMA 0.999"}},
}


@pytest.fixture(scope="module")
def scored(finished, tmp_path_factory):
    """A copy of a finished run with a score of its last weights and one of earlier weights."""
    run = shutil.copytree(finished, tmp_path_factory.mktemp("scored") / "run")
    scores = [SCORE, {**SCORE, "name": "earlier", "images_seen": 64}]
    (run / "scores.json").write_text(json.dumps({"scores": scores}))
    return run


@pytest.fixture(scope="module")
def folder(scored, tmp_path_factory):
    """That run, published, which no test may write to."""
    from ganexp.cli import main

    folder = tmp_path_factory.mktemp("published") / "model"
    assert main.main(["publish", f"run={scored}", f"to={folder}", "license=mit"]) == 0
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    """A copy of the published folder."""
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_published_model_is_the_run_bit_for_bit(scored, folder):
    run, model = package.load(scored), package.load(folder)
    assert torch.equal(model.sample(12, seed=4, labels=[1, 5]), run.sample(12, seed=4, labels=[1, 5]))
    images, labels = run.sample(4), torch.arange(4)
    with torch.no_grad():
        assert torch.equal(model.discriminator(images, labels), run.discriminator(images, labels))
    assert model.config.model == run.config.model
    assert model.scores == [SCORE]


def test_a_published_folder_has_the_layout_of_the_hub_and_nothing_of_the_machine(scored, folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "samples.png", "scores.json"}
    assert str(Path.home()) in str(package.load(scored).config.data_root)
    for path in (folder / "README.md", folder / "config.json"):
        assert str(Path.home()) not in path.read_text()
        assert str(scored.parent) not in path.read_text()


def test_the_card_states_what_the_model_is_and_how_it_was_scored(folder):
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front) == {
        "license": "mit",
        "library_name": "ganexp",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["gan", "cdcgan", "digits"],
    }
    assert f'ganexp.load("{folder}")' in text
    assert "| fid | 12.35 | 0.5 | EMA 0.999 |" in text
    assert "samples: 2000" in text
    assert "earlier" not in text
    assert "256 images" in text


def test_the_card_names_two_classes(folder):
    assert "model.sample(16, seed=0, labels=[0, 1])" in (folder / "README.md").read_text()
    assert labels_for_example(3, ["cat", "dog", "emu"]) == ["cat", "dog"]
    assert labels_for_example(3, ["cat", "cat", "emu"]) == [0, 1]
    assert labels_for_example(1, None) == [0]
    assert labels_for_example(None, None) is None


def test_nothing_in_a_run_can_write_markup_into_the_card():
    hostile = "a|b</td><script>`x`\n# title"
    score = {**SCORE, "name": hostile}
    card = Card("x", {"model": hostile}, hostile, f"y\n```\n{hostile}", 1, (1, 8, 8), [score], False, False)
    text = card.text().split("---\n", 2)[2]
    blocks = text.split("````")
    assert len(blocks) == 3
    assert "<script" not in (blocks[0] + blocks[2]).replace("\\<", "")
    assert "\n# title" not in blocks[0]
    assert replace(card, labels=["```"]).use().count("````") == 2


@pytest.mark.parametrize(
    ("command", "public"),
    {
        "python -m ganexp data.root=/home/me/cats run_dir=runs/a seed=1": (
            "python -m ganexp data.root=FOLDER run_dir=FOLDER seed=1"
        ),
        "python -m ganexp --config-dir ~/mine schedule/curve@schedule.generator=linear": (
            "python -m ganexp --config-dir FOLDER schedule/curve@schedule.generator=linear"
        ),
        "python -m ganexp 'no end": None,
    }.items(),
)
def test_a_public_command_names_no_folder(command, public):
    assert public_command(command) == public


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_only_training_needs_is_not_published(variant):
    game = make(variant)
    names = set(network_tensors(game))
    for player in game.players():
        for network in filter(None, (player.network, player.average)):
            held = {id(tensor) for tensor in network.state_dict(keep_vars=True).values()}
            kept = {name for name, tensor in game.state_dict(keep_vars=True).items() if id(tensor) in held}
            assert kept
            assert kept <= names
    assert not [name for name in names if name.startswith(("pools.", "adversary.", "adversaries."))]


def other_code(config):
    config["model"]["generator"]["network"]["_target_"] = "os.system"


def wider(config):
    config["model"]["generator"]["network"]["width"] = 16


CONFIGS = {
    "os.system at model.generator.network": other_code,
    "does not fit the model": wider,
    "is not the configuration of a model": lambda config: config.pop("model"),
    "data.channels=many: it must be a number": lambda config: config["data"].update(channels="many"),
    "is not the configuration of a model that ganexp published": lambda config: config.update(model="${nothing}"),
}


@pytest.mark.parametrize("message", CONFIGS)
def test_a_changed_configuration_is_refused_in_one_line(message, copy):
    path = copy / "config.json"
    config = json.loads(path.read_text())
    CONFIGS[message](config)
    path.write_text(json.dumps(config))
    refused(message, copy)


ODD_NAME = json.dumps({"average.a\x1b[2J\nb": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode()
FILES = {
    "cannot be read as JSON": ("config.json", b"{"),
    "nested more than": ("config.json", b"[" * 200),
    "is not an intact safetensors file": ("model.safetensors", b"\x80\x04\x95"),
    "; and": ("model.safetensors", len(ODD_NAME).to_bytes(8, "little") + ODD_NAME),
}


@pytest.mark.parametrize("message", FILES)
def test_a_damaged_file_is_refused_in_one_line(message, copy):
    name, content = FILES[message]
    (copy / name).write_bytes(content)
    refused(message, copy)


def test_weights_must_be_there(copy):
    (copy / "model.safetensors").unlink()
    refused("it has no model.safetensors", copy)


def refused(message, name):
    with pytest.raises(UserError) as raised:
        package.load(name)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_existing_folder_is_not_written_to(folder, scored, ganexp):
    assert "exists already" in ganexp("publish", f"run={scored}", f"to={folder}").complaint
    assert "give the Hub's name of a licence" in ganexp("publish", f"run={scored}", "to=new", "license=a\nb").complaint
    assert "hf://owner/name" in ganexp("publish", f"run={scored}", "to=hf://owner").complaint


@pytest.mark.parametrize("to", ["model", "."])
def test_a_full_disk_leaves_nothing_and_the_same_command_succeeds_later(scored, ganexp, here, file_size_limit, to):
    arguments = ("publish", f"run={scored}", f"to={to}")
    file_size_limit(20_000)
    outcome = ganexp(*arguments)
    assert outcome.status == 1
    assert outcome.complaint.startswith(f"cannot write {to}: File too large")
    assert not list(here.iterdir())
    file_size_limit(resource.RLIM_INFINITY)
    assert ganexp(*arguments).status == 0
    names = {"README.md", "config.json", "model.safetensors", "samples.png", "scores.json"}
    assert {path.name for path in (here / to).iterdir()} == names


def test_an_uploaded_model_is_loaded_by_its_name_weights_only(scored, hub, ganexp, monkeypatch):
    done = ganexp("publish", f"run={scored}", "to=hf://owner/digits")
    assert done.status == 0, done.err
    assert 'ganexp.load("hf://owner/digits")' in done.out
    assert set(hub.models["owner/digits"]) == {
        *("README.md", "config.json", "model.safetensors", "samples.png", "scores.json")
    }
    assert torch.equal(package.load("hf://owner/digits").sample(2), package.load(scored).sample(2))
    assert {path for path, *_ in hub.read} == {"config.json", "model.safetensors", "scores.json"}
    # A new version is one more commit.
    first = hub.commit("owner/digits")
    assert ganexp("publish", f"run={scored}", "to=hf://owner/digits", "license=mit").status == 0
    assert b"license: mit" in hub.models["owner/digits"]["README.md"]
    # What was downloaded before is read from the cache, but not another model.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert package.load(f"hf://owner/digits@{first}").scores == [SCORE]
    refused("the Hub cannot be reached: ", "hf://owner/other")


def test_what_the_hub_lacks_is_one_line(hub):
    refused("hf://owner/missing: there is no such model on the Hub, or it is private", "hf://owner/missing")
    hub.models["owner/other"] = {"README.md": b"of another library"}
    refused("is not a model that ganexp published", "hf://owner/other")
    refused("has no such revision", "hf://owner/other@v2")


def test_an_upload_without_a_right_or_a_network_is_one_line(scored, hub, ganexp, monkeypatch):
    publish = ("publish", f"run={scored}", "to=hf://owner/mine")
    for token, message in {READ_ONLY: "the right to write", "hf_wrong": "the token is not accepted"}.items():
        monkeypatch.setenv("HF_TOKEN", token)
        assert message in ganexp(*publish).complaint
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "the Hub cannot be reached" in ganexp(*publish).complaint
    monkeypatch.delenv("HF_TOKEN")
    assert "there is no token of the Hub: set HF_TOKEN" in ganexp(*publish).complaint
    assert hub.models == {}


def test_a_missing_package_is_one_line(scored, ganexp, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    assert "pip install 'ganexp[hub]'" in ganexp("publish", f"run={scored}", "to=new").complaint
    assert not Path("new").exists()


def test_the_commands_take_a_published_folder_and_a_name_of_the_hub(scored, folder, hub, ganexp, here):
    hub.models["owner/digits"] = {path.name: path.read_bytes() for path in folder.iterdir()}
    drawn = {}
    for out, run in {"run": scored, "folder": folder, "hub": "hf://owner/digits"}.items():
        assert ganexp("sample", f"run={run}", "n=12", "labels=[3,7]", f"out={out}").status == 0
        drawn[out] = {path.name: path.read_bytes() for path in (here / out).iterdir()}
    assert drawn["run"] == drawn["folder"] == drawn["hub"]
    exported = ganexp("export", f"run={folder}", "out=network.safetensors")
    assert exported.status == 0, exported.err
    with safe_open("network.safetensors", "pt") as file:
        assert json.loads(file.metadata()["ganexp"])["images_seen"] == 256


def test_a_published_model_has_no_data_to_be_scored_on(folder, ganexp):
    assert "comes without its data, digits; add real=FOLDER" in ganexp("evaluate", f"run={folder}").complaint


@pytest.mark.slow
def test_a_published_model_is_scored_on_given_data_as_its_run_is(scored, folder, ganexp, here):
    arguments = ("evaluate", f"run={folder}", "metric=fid_classifier", "samples=70")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    run = shutil.copytree(scored, here / "run")
    assert ganexp(*arguments, "data=digits", "out=mine.json").status == 0
    assert ganexp("evaluate", f"run={run}", *arguments[2:]).status == 0
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    (mine,) = json.loads((here / "mine.json").read_text())["scores"]
    own = json.loads((run / "scores.json").read_text())["scores"][-1]
    assert mine.pop("model") == str(folder)
    # The images that it was trained on are unknown to whoever has only the published folder.
    assert own["protocol"]["fakes"].pop("data").startswith("content:")
    assert mine == own


def test_only_what_samples_need_of_a_published_configuration_is_read(copy):
    path = copy / "config.json"
    config = json.loads(path.read_text())
    source = {"_target_": "ganexp.data.sources.image_folder", "root": "/"}
    config["data"].update(_target_="ganexp.data.images.ImageData", source=source)
    path.write_text(json.dumps({**config, "callbacks": {"folder": "/"}}))
    kept = {"name", "channels", "image_size", "num_classes", "flip", "dequantize"}
    assert set(package.load(copy).config.data) == kept


def test_a_setting_of_a_published_model_is_checked_as_that_of_a_run(copy):
    path = copy / "config.json"
    config = json.loads(path.read_text())
    config["model"]["generator"]["network"]["width"] = "wide"
    path.write_text(json.dumps(config))
    refused("config.json: model.generator.network.width=wide: it must be", copy)


def test_a_published_translator_translates_and_says_that_it_has_no_test_images(ganexp, here, tmp_path):
    import numpy as np
    from PIL import Image

    run = here / "run"
    small = ["model.generator.width=4", "model.discriminator.width=4", "model.discriminator.layers=1"]
    data = ["data=mosaic", "data/source=digits", "data.batch_size=64", "trainer=cpu", "metric=none"]
    assert ganexp("model=pix2pix", *data, *small, "images=64", f"run_dir={run}").status == 0
    assert ganexp("publish", f"run={run}", "to=model").status == 0
    Image.fromarray(np.arange(88, dtype=np.uint8).reshape(8, 11)).save("one.png")
    for source in ("run", "model"):
        done = ganexp("translate", f"run={source}", "input=one.png", f"out=by_{source}")
        assert done.status == 0, done.err
    assert Path("by_run/one.png").read_bytes() == Path("by_model/one.png").read_bytes()
    for data in ([], ["data=digits"]):
        assert "data=paired_folder data.root=FOLDER" in ganexp("evaluate", "run=model", *data).complaint
    assert "has no test images; translate your own" in ganexp("sample", "run=model", "out=drawn").complaint


def test_ranges_of_values_and_rectangles_are_published(ganexp, here):
    import numpy as np

    run, model = here / "run", here / "model"
    np.save("a.npy", np.random.default_rng(0).integers(0, 4096, (32, 8, 16), dtype=np.uint16))
    data = [
        "data=arrays",
        "data.path=a.npy",
        "data.image_size=[8,16]",
        "data.channels=1",
        "data.value_range=percentiles",
    ]
    game = ["model=dcgan", "model.latent=4", "model.generator.width=4", "model.discriminator.width=4", "trainer=cpu"]
    assert ganexp(*game, *data, "data.batch_size=16", "images=32", "metric=none", f"run_dir={run}").status == 0
    assert ganexp("publish", f"run={run}", f"to={model}").status == 0
    measured = json.loads((run / "summary.json").read_text())["value_ranges"]["image"]
    assert json.loads((model / "config.json").read_text())["data"]["value_range"] == measured
    assert f"-1 is {measured[0]:g} and 1 is {measured[1]:g}" in (model / "README.md").read_text()
    drawn = {}
    for source in (run, model):
        assert ganexp("sample", f"run={source}", "n=2", f"out={source.name}_drawn").status == 0
        drawn[source.name] = [np.load(path) for path in sorted(Path(f"{source.name}_drawn").glob("*.npy"))]
    assert all(np.array_equal(one, other) for one, other in zip(*drawn.values(), strict=True))
    assert (drawn["model"][0].dtype, drawn["model"][0].shape) == (np.float32, (8, 16))
    assert ganexp("export", f"run={model}", "out=network.safetensors").status == 0
    with safe_open("network.safetensors", "pt") as file:
        described = json.loads(file.metadata()["ganexp"])
    assert described["value_range"] == measured
    assert "pixels" not in described


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [("image_size", [8, 0], "image_size"), ("image_size", "wide", "image_size"), ("value_range", [1, 0], "value_range"),
     ("value_range", "${oc.env:HOME}", "value_range"), ("input_value_range", 3, "value_range")],
)  # fmt: skip
def test_sizes_and_ranges_of_a_published_model_are_checked(copy, name, value, named):
    config = json.loads((copy / "config.json").read_text())
    config["data"][name] = value
    (copy / "config.json").write_text(json.dumps(config))
    refused(named, copy)


def test_networks_far_larger_than_the_weights_are_not_built(copy):
    config = json.loads((copy / "config.json").read_text())
    config["model"]["generator"]["network"]["channels"] = 10**9
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="describes larger networks than its weights are"):
        package.load(copy)


def test_what_is_printed_and_in_the_card_loads_a_model_with_code_of_ones_own(ganexp, here, monkeypatch):
    (here / "published_losses.py").write_text("from ganexp.losses import Hinge\n\n\nclass Smoothed(Hinge):\n    pass\n")
    monkeypatch.syspath_prepend(here)
    trust = "trust=published_losses.Smoothed"
    assert ganexp(*TINY, "run_dir=run", "loss._target_=published_losses.Smoothed").status == 0
    published = ganexp("publish", "run=run", "to=my model", trust)
    call = published.out.strip().partition("in Python: ")[2]
    assert eval(call, {"ganexp": package}).sample(2).shape == (2, 1, 8, 8)
    card = Path("my model", "README.md").read_text()
    assert f"model = {call}\n" in card
    assert "Python must find code that is not ganexp's: published_losses." in card
