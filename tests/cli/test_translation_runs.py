"""Image-to-image runs from the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from ganexp.cli import main
from support.parts import thinned

TINY = [
    "data/source=digits", "data.batch_size=8", "data.test_images=20", "images=32",
    "model.generator.width=4", "model.discriminator.width=4", "model.discriminator.layers=1",
]  # fmt: skip
MODELS = {
    "pix2pix": ["model=pix2pix", "data=mosaic"],
    "cyclegan": ["model=cyclegan", "data=mosaic_unpaired", "metric=[psnr,ssim,l1]"],
}


@pytest.fixture(scope="module", params=thinned(MODELS, 2))
def run(request, tmp_path_factory):
    """A finished run of each model."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    assert main.main([*MODELS[request.param], *TINY, f"run_dir={folder}"]) == 0
    return folder


def scores(run):
    return {entry["name"]: entry["value"] for entry in json.loads((run / "scores.json").read_text())["scores"]}


def test_a_run_writes_grids_scores_and_the_patch_size(run):
    names = {f"{score}{suffix}" for score in ("psnr", "ssim", "l1") for suffix in ("", "_input", "_bicubic")}
    assert {name for name in scores(run) if "b2a" not in name} == names
    assert (run / "samples" / "latest.png").is_file()
    assert "each answer judges a patch of 16 x 16 pixels" in (run / "log.txt").read_text()


def test_evaluate_repeats_the_scores_of_the_run(ganexp, run):
    before = scores(run)
    outcome = ganexp("evaluate", f"run={run}")
    assert outcome.status == 0
    assert "psnr_bicubic" in outcome.out
    assert scores(run) == pytest.approx(before, rel=1e-6)


@pytest.mark.parametrize("setting", ["reference=[test]", "samples=[10]", "seeds=[0,1]", "truncation=0.5"])
def test_evaluate_refuses_settings_of_noise(ganexp, run, setting):
    complaint = ganexp("evaluate", f"run={run}", setting).complaint
    assert complaint.startswith(f"{setting}: an image-to-image model translates each test image once")


@pytest.mark.parametrize("data", ["data=digits", "real=pictures"])
def test_evaluate_asks_for_inputs_and_targets(ganexp, run, pictures, data):
    complaint = ganexp("evaluate", f"run={run}", data).complaint
    assert f"run={run}: an image-to-image model is scored on inputs and targets" in complaint
    assert "paired_folder data.root=FOLDER" in complaint


def test_sample_translates_test_images(ganexp, here, run):
    outcome = ganexp("sample", f"run={run}", "n=3", f"out={here / 'out'}")
    assert outcome.status == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["00000.png", "00001.png", "00002.png", "grid.png"]
    with Image.open(here / "out" / "00001.png") as image:
        assert (image.size, image.mode) == ((8, 8), "L")


def test_translate_keeps_the_size_of_any_image(ganexp, here, run):
    Image.fromarray(np.arange(15 * 21, dtype=np.uint8).reshape(15, 21)).save(here / "odd.png")
    assert ganexp("translate", f"run={run}", "input=odd.png", "out=out").status == 0
    with Image.open(here / "out" / "odd.png") as image:
        assert (image.size, image.mode) == ((21, 15), "L")


def test_sample_refuses_labels(ganexp, here, run):
    assert "translates images" in ganexp("sample", f"run={run}", "labels=[1]", f"out={here / 'o'}").complaint


def test_scores_and_grids_of_samples_from_noise_are_refused_in_one_line(ganexp):
    outcome = ganexp("model=pix2pix", "callbacks=default", "metric=none", "data=mosaic", *TINY)
    assert "ganexp translate" in outcome.complaint
