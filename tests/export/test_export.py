"""``ganexp export``: a file that computes what the model computes, or one line and no file."""

import importlib.util
import json

import pytest
import torch

from ganexp.config.build import build
from ganexp.export import export as exporting
from ganexp.export.suffixes import PACKAGES
from ganexp.runs.model import load_model
from ganexp.runs.run import saved_run


@pytest.fixture
def edited(run):
    """Change the weights of a run's checkpoint by a function of their dictionary."""

    def edit(change):
        path = run / "checkpoints" / "last.ckpt"
        checkpoint = torch.load(path, weights_only=True)
        change(checkpoint["state_dict"])
        torch.save(checkpoint, path)
        return run

    return edit


def test_safetensors_hold_the_average_and_enough_to_build_it(ganexp, here, finished):
    safe_open = pytest.importorskip("safetensors").safe_open
    outcome = ganexp("export", f"run={finished}", "out=out/generator.safetensors")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith("out/generator.safetensors: generator (EMA 0.999), ")
    assert "largest difference from the model on 8 inputs: 0.0e+00 (at most 0.0001)" in outcome.out
    assert [path.name for path in (here / "out").iterdir()] == ["generator.safetensors"]
    with safe_open(here / "out" / "generator.safetensors", "pt") as file:
        about = json.loads(file.metadata()["ganexp"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    assert [(port["name"], port["shape"]) for port in about["inputs"]] == [
        ("noise", ["batch", 100]),
        ("labels", ["batch"]),
    ]
    assert about["outputs"][0]["values"] == "[-1, 1]"
    assert about["weights"] == "moving average"
    model = load_model(saved_run(finished)).cpu()
    network = build(exporting.OmegaConf.create(about["config"])).eval()
    network.load_state_dict(weights)
    noise = model.sampler.numbered_noise(torch.arange(3), 0)
    with torch.no_grad():
        assert torch.equal(network(noise, torch.arange(3)).clamp(-1, 1), model.sample(3, 0))


def test_live_weights_are_those_of_training(ganexp, here, finished):
    load_file = pytest.importorskip("safetensors.torch").load_file
    outcome = ganexp("export", f"run={finished}", "out=live.safetensors", "weights=live")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith("live.safetensors: generator (live weights), ")
    live = load_model(saved_run(finished)).cpu().generator.state_dict()
    assert all(torch.equal(value, live[name]) for name, value in load_file(here / "live.safetensors").items())


def test_a_program_of_torch_draws_the_samples_in_batches_of_any_size(ganexp, here, finished):
    outcome = ganexp("export", f"run={finished}", "out=generator.pt2")
    assert outcome.status == 0, outcome.err
    extra = {"ganexp.json": ""}
    module = torch.export.load(here / "generator.pt2", extra_files=extra).module()
    assert json.loads(extra["ganexp.json"])["network"] == "generator"
    model = load_model(saved_run(finished)).cpu()
    noise = model.sampler.numbered_noise(torch.arange(10), 0)
    torch.testing.assert_close(module(noise=noise, labels=torch.arange(10)), model.sample(10, 0))
    torch.testing.assert_close(module(noise=noise[:1], labels=torch.arange(1)), model.sample(1, 0))


def test_an_existing_file_is_replaced_only_on_request(ganexp, here, finished):
    pytest.importorskip("safetensors")
    (here / "kept.safetensors").write_text("mine")
    complaint = ganexp("export", f"run={finished}", "out=kept.safetensors").complaint
    assert complaint == "out=kept.safetensors: exists already; choose another name, or replace it with overwrite=true"
    assert (here / "kept.safetensors").read_text() == "mine"
    assert ganexp("export", f"run={finished}", "out=kept.safetensors", "overwrite=true").status == 0
    assert (here / "kept.safetensors").stat().st_size > 1000


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["out=x.h5"], "out=x.h5: the suffix selects the format; choose one of .safetensors, .onnx, .pt2"),
    (["out=x"], "out=x: the suffix selects the format"),
    (["out=x.pt2", "network=critic"], "network=critic: choose one of generator, discriminator"),
    (["out=x.pt2", "weights=ema"], "weights=ema: choose one of average, live"),
    (["out=x.pt2", "dropout=on"], "dropout=on: choose one of evaluation, off"),
    (["out=x.pt2", "tolerance=0"], "tolerance=0.0: it must be a finite number above 0"),
    (["out=x.pt2", "network=discriminator", "weights=live"], "weights= and truncation= apply to the generator alone"),
    (["out=x.pt2", "direction=a2b"], "run: its model, ConditionalGAN, draws images from noise and cannot translate"),
    (["out=x.pt2", "truncation=true"], "truncation=true: this model's noise is not normal"),
])  # fmt: skip
def test_mistakes_are_one_line_and_leave_no_file(ganexp, here, finished, arguments, complaint):
    assert ganexp("export", f"run={finished}", *arguments).complaint.startswith(complaint)
    assert not list(here.iterdir())


def test_missing_packages_are_named_before_anything_is_loaded(ganexp, finished, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    complaint = ganexp("export", f"run={finished}", "out=x.onnx").complaint
    assert complaint.endswith("are not installed (onnx, onnxscript, onnxruntime): pip install 'ganexp[export]'")


def test_a_file_that_computes_something_else_is_removed(ganexp, here, finished, monkeypatch):
    def read(portable, path):
        return lambda inputs: (portable.head(**inputs).detach() + 0.5,)

    form = type("Wrong", (), {"write": lambda portable, about, path: path.write_text("wrong"), "read": read})
    monkeypatch.setitem(exporting.FORMATS, ".pt2", form)
    complaint = ganexp("export", f"run={finished}", "out=x.pt2").complaint
    assert complaint.startswith("out=x.pt2: the file's outputs differ from the model's by 5.0e-01 on 8 inputs")
    assert not list(here.iterdir())


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx", ".pt2"])
def test_a_full_disk_is_one_line_that_names_the_file(ganexp, here, finished, file_size_limit, suffix):
    for package in PACKAGES[suffix]:
        pytest.importorskip(package)
    file_size_limit(1000)
    outcome = ganexp("export", f"run={finished}", f"out=x{suffix}")
    assert outcome.status == 1
    assert outcome.complaint.startswith(f"cannot write x{suffix}: ")
    assert not list(here.iterdir())


def test_broken_weights_are_not_exported(ganexp, here, edited):
    def spoil(state):
        next(value for name, value in state.items() if name.startswith("average.network.")).fill_(torch.nan)

    folder = edited(spoil)
    complaint = ganexp("export", f"run={folder}", "out=x.pt2").complaint
    assert complaint.startswith("the network's outputs are not finite: its weights are broken")
    assert not (here / "x.pt2").exists()
