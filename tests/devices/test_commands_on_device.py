"""A run trained by the command line on the stand-in device, and every command that takes a trained model there."""

import json
from functools import partial
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from ganexp.cli import main
from ganexp.config.composition import conf_dir, groups
from ganexp.metrics.classifier import classifier
from support.stand_in_device import stand_in_device

# Some twelve seconds; drawing and training there are in the default suite by themselves.
pytestmark = pytest.mark.slow

TRAINED_THERE = [
    "trainer.accelerator=auto",
    "++trainer.strategy._target_=support.stand_in_device.strategy",
    "optimizer.generator.fused=false",
    "optimizer.discriminator.fused=false",
]
NETWORKS = ["model.generator.network.width=4", "model.discriminator.network.width=4"]
CLASSIFIER = "+extractor.classifier.epochs=1"
SCORES = [name for name in groups(conf_dir())["metric"] if name.endswith("_classifier")]
# The least of each analysis that still is one.
SMALL = [
    *("walk.walks=2", "walk.steps=2", "walk.length=2"),
    *("contact_sheet.n=3", "contact_sheet.columns=2"),
    *("neighbours.samples=4", "neighbours.k=2", "neighbours.shown=2"),
    *("arithmetic.plus=[[0,1,2],[3,4,5]]", "arithmetic.minus=[[6,7,8]]", "arithmetic.pool=4"),
    *("turn.start=[0,1,2]", "turn.end=[3,4,5]", "turn.measured=right", "turn.pool=4", "turn.samples=3", "turn.steps=3"),
    *("truncation.thresholds=[0.5]", "truncation.samples=4"),
    *("filters.images=20", "filters.layers=2", "filters.features=2", "filters.best=2"),
    *("forget.samples=20", "forget.counts=1", "forget.draws=2"),
    *("probe.labels=[12]", "probe.seeds=1"),
    *("spectrum.images=8", "equilibrium.images=8"),
    *("latent_directions.directions=1", "latent_directions.steps=3", "latent_directions.random=2"),
]


@pytest.fixture(scope="module")
def there():
    """Every command's device is the stand-in."""
    with stand_in_device() as device, pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganexp.distributed.devices.select_device", lambda: device)
        patch.setattr("ganexp.variants.samplers.base.STANDING_BATCHES", 1)
        yield


@pytest.fixture(scope="module")
def run(there, tmp_path_factory):
    folder = tmp_path_factory.mktemp("there") / "run"
    chosen = ["model=cdcgan", "data=digits", "data.batch_size=32", "images=64", *NETWORKS, CLASSIFIER, *TRAINED_THERE]
    noise = "model.noise._target_=ganexp.noise.normal"
    assert main.main([f"run_dir={folder}", *chosen, noise, f"metric=[{','.join(SCORES)}]"]) == 0
    return folder


def command(name, run, *arguments):
    return main.main([name, f"run={run}", "trust=support.stand_in_device.strategy", *map(str, arguments)])


def test_scores_grids_and_the_devices_name_are_left(run):
    names = {entry["name"] for entry in json.loads((run / "scores.json").read_text())["scores"]}
    assert all(any(name.startswith(score) for name in names) for score in SCORES)
    assert (run / "samples" / "latest.png").is_file()
    assert json.loads((run / "summary.json").read_text())["device"].startswith("meta")


@pytest.mark.parametrize("truncation", [[], ["truncation=0.5"]])
def test_samples_are_written(run, tmp_path, truncation):
    assert command("sample", run, "n=3", f"out={tmp_path}", *truncation) == 0
    assert len(list(tmp_path.glob("0000*.png"))) == 3


def test_scores_are_computed_again(run):
    assert command("evaluate", run, "samples=8", "truncation=0.5") == 0


def test_every_analysis_looks(run, tmp_path, monkeypatch):
    # Drawing takes most of the time, and is done on the processor.
    monkeypatch.setattr("ganexp.evaluation.subject.classifier", partial(classifier, epochs=1, most_images=1))
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: Path(path).touch())
    names = groups(conf_dir())["analysis"]
    Image.new("RGB", (16, 16)).save(tmp_path / "picture.png")
    chosen = [f"analysis=[{','.join(names)}]", *(f"analysis.{setting}" for setting in SMALL)]
    chosen += [f"analysis.projection.images={tmp_path / 'picture.png'}", "analysis.projection.steps=1"]
    assert command("analyze", run, f"out={tmp_path}", *chosen) == 0
    # A discriminator that is told the label has no features to probe: test_drawing_devices.py does that. A generator
    # without codes, an encoder or styles has nothing to look at by the others.
    without = {"probe", "codes", "reconstruction", "style_mixing"}
    assert {path.parent.name for path in tmp_path.glob("*/figures.json")} == set(names) - without
