"""One run with every logger, which each logger's tests read back."""

import csv
from importlib.util import find_spec

import pytest

import runs
from ganexp import cli

SCORED = ["metric=fid_classifier", "scoring.samples=64", "scoring.every=128", "+extractor.classifier.epochs=1"]
CONDITIONAL = ["model=cdcgan", "model.generator.network.width=4", "model.discriminator.network.width=4"]
LOGGERS = [*(name for name in ("wandb", "tensorboard", "trackio") if find_spec(name)), "csv"]
OF_WANDB = ["logger.wandb.mode=offline", "logger.wandb.log_model=true"] if "wandb" in LOGGERS else []


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A scored run of a model that is told classes, offline, that was stopped by its budget and then went on."""
    run = tmp_path_factory.mktemp("loggers") / "run"
    loggers = [f"logger=[{','.join(LOGGERS)}]", *OF_WANDB]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_DATA_DIR", str(run.parent))
        assert cli.main([*CONDITIONAL, *runs.UNSCORED, "images=256", *SCORED, *loggers, f"run_dir={run}"]) == 0
        assert cli.main([f"resume={run}", "images=384"]) == 0
    return run


@pytest.fixture(scope="session")
def curves(finished):
    """The points (images, value) of each column of its metrics.csv."""
    with (finished / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "images"]
    found = {
        name: [(int(row["images"]), pytest.approx(float(row[name]))) for row in rows if row[name]] for name in names
    }
    assert {name.partition("/")[0] for name in found} == {
        *("loss", "discriminator", "doctor", "score", "learning_rate", "time")
    }
    assert {"doctor/gradient_norm/discriminator", "doctor/gradient_norm/generator"} <= set(found)
    assert [images for images, _ in found["score/fid_classifier"]] == [128, 256, 384]
    return found


@pytest.fixture(scope="session")
def drawn(finished):
    """The numbers of images at which a grid of samples was drawn."""
    found = [int(path.stem) for path in sorted((finished / "samples").glob("[0-9]*.png"))]
    assert (found[0], found[-1]) == (0, 384)
    return found
